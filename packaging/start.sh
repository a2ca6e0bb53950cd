#!/usr/bin/env bash
# From nothing to a running demo: installs what is missing and says why, builds, and runs `nearcall demo`. What is
# given to this script goes on to the demo: bash packaging/start.sh --headless --duration 20s
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=packaging/lib.sh
. "$root/packaging/lib.sh"

need_build_packages
need_rust

if [ "$(uname -s)" = Linux ] && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    case " $* " in
    *" --headless "*) ;;
    *)
        say "no display: running without a window"
        set -- --headless "$@"
        ;;
    esac
fi

say "building; the first time takes some minutes"
exec cargo run --release --locked --manifest-path "$root/Cargo.toml" --bin nearcall -- demo "$@"
