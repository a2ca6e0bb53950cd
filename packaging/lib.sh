# What start.sh and test.sh share: finding what is missing, installing it, and Rust. Sourced, with `root` set to the
# checkout. Runs on the bash 3.2 of macOS.

say() { printf '==> %s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Sets `system` to debian, fedora or macos, by the package manager that is there.
find_system() {
    if [ "$(uname -s)" = Darwin ]; then
        system=macos
        xcode-select -p >/dev/null 2>&1 ||
            fail "the compiler is missing: run 'xcode-select --install', then this again"
    elif has apt-get && has dpkg-query; then
        system=debian
    elif has dnf && has rpm; then
        system=fedora
    else
        fail "this script knows apt, dnf and Homebrew, and finds none; install a C and C++ compiler, make, cmake, nasm," \
            "pkg-config, libclang and the headers of ALSA, PipeWire, EGL, GBM and XCB, then run: cargo run --release --locked -- demo"
    fi
}

# OpenH264 is built without its assembly where nasm is missing, says nothing, and is 2.5 times slower.
nasm_matters() {
    case "$(uname -m)" in
    x86_64 | amd64 | i?86) return 0 ;;
    *) return 1 ;;
    esac
}

# One line a need: package | command that does as well, if any | why.
build_needs() {
    case $system in
    debian)
        cat <<'NEEDS'
ca-certificates||lets cargo check whom it downloads from
g++|g++|compiles OpenH264 and links every program
make|make|drives the build of Opus
cmake|cmake|configures the build of Opus
pkg-config|pkg-config|finds ALSA and PipeWire
libasound2-dev||ALSA: microphone and speaker
libclang-dev||reads the C headers of the camera (Video4Linux) and of PipeWire
libpipewire-0.3-dev||PipeWire: the screen that is shared, on Wayland
libegl-dev||EGL: the same
libgbm-dev||buffers of the graphics card: the same
libxcb1-dev||X11: the screens that there are
libxcb-randr0-dev||X11: where they lie
NEEDS
        ;;
    fedora)
        cat <<'NEEDS'
ca-certificates||lets cargo check whom it downloads from
gcc-c++|g++|compiles OpenH264 and links every program
make|make|drives the build of Opus
cmake|cmake|configures the build of Opus
pkgconf-pkg-config|pkg-config|finds ALSA and PipeWire
alsa-lib-devel||ALSA: microphone and speaker
clang-devel||reads the C headers of the camera (Video4Linux) and of PipeWire
pipewire-devel||PipeWire: the screen that is shared, on Wayland
libglvnd-devel||EGL: the same
mesa-libgbm-devel||buffers of the graphics card: the same
libxcb-devel||X11: the screens that there are
NEEDS
        ;;
    macos)
        cat <<'NEEDS'
cmake|cmake|configures the build of Opus
pkgconf|pkg-config|finds libraries
NEEDS
        ;;
    esac
    if nasm_matters; then
        echo 'nasm|nasm|assembles the fast paths of OpenH264, 2.5 times slower without'
    fi
    if ! find_cargo; then
        echo 'curl|curl|fetches rustup'
    fi
}

test_needs() {
    case $system in
    debian)
        cat <<'NEEDS'
nats-server|nats-server|joins the relays of the tests
haproxy|haproxy|stands before the relays of the tests
caddy|caddy|stands before the relays of the tests
python3-yaml||reads what is packaged for clusters in the tests
pulseaudio|pulseaudio|stands in for a sound card in the tests
pulseaudio-utils|pactl|makes the virtual microphone of the tests
libasound2-plugins||leads ALSA to it
xvfb|Xvfb|stands in for a screen in the tests
dbus-daemon|dbus-daemon|stands in for a desktop's bus in the tests
openbox|openbox|minimises windows in the benches
xdotool|xdotool|asks it to
libgl1||OpenGL: draws the window of the tests
libegl1||OpenGL without a screen
libgl1-mesa-dri||OpenGL without a graphics card
mesa-vulkan-drivers||Vulkan without a graphics card
libvulkan1||finds it
libx11-xcb1||leads the window to the screen
libxcursor1||the window's pointer
libxi6||the window's keys
libxkbcommon-x11-0||what the keys mean
libvpx-dev||VP9, which the feature vp9 is tested with
libfontconfig1||knows the fonts of the system
fonts-dejavu-core||letters that no shipped font has, in the tests
dbus|dbus-daemon|stands in for a desktop's session in the tests
NEEDS
        ;;
    fedora)
        cat <<'NEEDS'
haproxy|haproxy|stands before the relays of the tests
caddy|caddy|stands before the relays of the tests
python3-pyyaml||reads what is packaged for clusters in the tests
xorg-x11-server-Xvfb|Xvfb|stands in for a screen in the tests
dbus-daemon|dbus-daemon|stands in for a desktop's bus in the tests
openbox|openbox|minimises windows in the benches
xdotool|xdotool|asks it to
mesa-dri-drivers||OpenGL without a graphics card
mesa-vulkan-drivers||Vulkan without a graphics card
vulkan-loader||finds it
libxkbcommon-x11||what the keys mean
pulseaudio-utils|pactl|makes the virtual microphone of the tests
alsa-plugins-pulseaudio||leads ALSA to it
libvpx-devel||VP9, which the feature vp9 is tested with
fontconfig||knows the fonts of the system
dejavu-sans-fonts||letters that no shipped font has, in the tests
dbus-daemon|dbus-daemon|stands in for a desktop's session in the tests
NEEDS
        ;;
    macos)
        echo 'nats-server|nats-server|joins the relays of the tests'
        echo 'libvpx||VP9, which the feature vp9 is tested with'
        ;;
    esac
}

is_installed() {
    case $system in
    debian) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
    fedora) rpm -q --whatprovides "$1" >/dev/null 2>&1 ;;
    macos) brew list --versions "$1" >/dev/null 2>&1 ;;
    esac
}

# Runs a command as root. Says the command and gives up where nobody can.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        fail "neither root nor sudo; have somebody run: $*"
    fi
}

# Reads needs on stdin and installs those that are missing. Does nothing where none is.
install_missing() {
    local package command reason
    local missing=()
    while IFS='|' read -r package command reason; do
        if { [ -n "$command" ] && has "$command"; } || is_installed "$package"; then
            continue
        fi
        say "missing: $package ($reason)"
        missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    case $system in
    debian)
        # The lists of a new machine are empty or old.
        if [ "$(id -u)" = 0 ] || has sudo; then
            as_root apt-get update -qq </dev/null
        fi
        # A desktop that would have to give up PipeWire for a test is left as it is.
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends --no-remove "${missing[@]}" </dev/null
        ;;
    fedora) as_root dnf install -y "${missing[@]}" </dev/null ;;
    macos)
        has brew || fail "Homebrew is missing (https://brew.sh); with it: brew install ${missing[*]}"
        brew install "${missing[@]}" </dev/null
        ;;
    esac
}

# Installs what the build needs, and makes sure of nasm.
need_build_packages() {
    find_system
    install_missing < <(build_needs)
    if nasm_matters && ! has nasm; then
        fail "nasm is still not on the PATH; without it video costs 2.5 times as much"
    fi
}

# Installs what the tests need besides.
need_test_packages() {
    install_missing < <(test_needs)
    has nats-server ||
        fail "nats-server, which joins the relays of the tests, has no package here: install it from https://nats.io/download"
}

# Puts the cargo of rustup on the PATH where the shell has not done so.
find_cargo() {
    has cargo && return 0
    [ -x ~/.cargo/bin/cargo ] || return 1
    PATH=~/.cargo/bin:$PATH
}

# Installs Rust where there is none; an older one is the user's to update.
need_rust() {
    local needed found
    if ! find_cargo; then
        say "missing: Rust (compiles Nearcall); rustup installs it into your home folder, from https://sh.rustup.rs"
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
        find_cargo || fail "rustup is done and there is still no cargo"
    fi
    needed=$(sed -n 's/^rust-version = "\([0-9.]*\)"$/\1/p' "${root:?}/Cargo.toml")
    found=$(cargo --version | sed 's/^cargo \([0-9.]*\).*/\1/')
    is_at_least "$found" "$needed" ||
        fail "Rust ${found:-of an unknown version} is too old, $needed is needed: rustup update stable" \
            "(from a system's package: remove it, and run this again)"
}

# Whether version $1 is $2 or newer, by major and minor.
is_at_least() {
    local major minor needed_major needed_minor
    IFS=. read -r major minor _ <<<"$1"
    IFS=. read -r needed_major needed_minor _ <<<"$2"
    [ "${major:-0}" -gt "$needed_major" ] ||
        { [ "${major:-0}" -eq "$needed_major" ] && [ "${minor:-0}" -ge "$needed_minor" ]; }
}

# Adds rustfmt or clippy where rustup left it out.
need_component() {
    cargo "$1" --version >/dev/null 2>&1 && return 0
    say "missing: $2 (checks the source)"
    has rustup || fail "$2 is missing and there is no rustup to add it"
    rustup component add "$2"
}
