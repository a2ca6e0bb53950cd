#!/usr/bin/env bash
# Everything that must hold before a change is taken: installs what the tests need, then format, lints, the relay
# alone, the examples in the documentation, and every test. The test runner has the last word.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=packaging/lib.sh
. "$root/packaging/lib.sh"
cd "$root"

need_build_packages
need_test_packages
need_rust
need_component fmt rustfmt
need_component clippy clippy

say "format"
cargo fmt --check

say "lints"
cargo clippy --locked --all-targets -- -D warnings

say "the relay alone, without a desktop library"
cargo clippy --locked --no-default-features --features relay --lib --bins -- -D warnings

say "examples in the documentation"
cargo test --locked --doc --quiet

say "pictures with VP9"
cargo test --locked --features vp9 --lib --quiet media::video

say "tests"
if cargo nextest --version >/dev/null 2>&1; then
    profile=default
    [ -z "${CI:-}" ] || profile=ci
    cargo nextest run --locked --no-fail-fast --profile "$profile"
else
    status=0
    cargo test --locked --lib --bins --no-fail-fast || status=$?
    # End-to-end tests run against the clock: one at a time.
    cargo test --locked --test it --no-fail-fast -- --test-threads=1 || status=$?
    exit "$status"
fi
