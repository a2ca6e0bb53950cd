//! A machine that the scripts are tried on: a `PATH` on which `apt-get`, `sudo`, `cargo` and the rest are stand-ins
//! that note how they were called, and a checkout whose path has spaces.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Notes its own name and arguments.
const NOTE: &str = "#!/bin/sh\necho \"$(basename \"$0\") $*\" >>\"$MACHINE/calls\"\n";

/// What apt, dnf and brew do with `install`: every package is installed, and those that are commands can be called.
const INSTALL: &str = r#"
on=
for word in "$@"; do
    case $word in
    install) on=1 ;;
    -*) ;;
    *)
        [ -z "$on" ] || [ -e "$MACHINE/broken" ] || {
            echo "$word" >>"$MACHINE/installed"
            printf '#!/bin/sh\n' >"$MACHINE/bin/$word"
            chmod +x "$MACHINE/bin/$word"
        }
        ;;
    esac
done
"#;

const CARGO: &str = "case $1 in --version) echo 'cargo 1.95.0 (abc 2026-03-21)' ;; esac\n";

pub struct Machine {
    folder: TempDir,
    environment: Vec<(&'static str, &'static str)>,
}

impl Machine {
    /// A Debian on which only Rust is installed, and the user is root.
    pub fn debian() -> Self {
        let machine = Self::bare();
        machine.stand_in("apt-get", INSTALL);
        machine.stand_in("dpkg-query", "grep -qx \"$4\" \"$MACHINE/installed\" && printf installed\n");
        machine
    }

    /// A Fedora likewise.
    pub fn fedora() -> Self {
        let machine = Self::bare();
        machine.stand_in("dnf", INSTALL);
        machine.stand_in("rpm", "grep -qx \"$3\" \"$MACHINE/installed\"\n");
        machine
    }

    /// A Mac with Homebrew and the command line tools.
    pub fn mac() -> Self {
        let machine = Self::bare();
        machine.stand_in("uname", "case $1 in -s) echo Darwin ;; *) echo arm64 ;; esac\n");
        machine.stand_in("xcode-select", "");
        machine.stand_in("brew", &format!("case $1 in list) exit 1 ;; esac\n{INSTALL}"));
        machine.user("501");
        machine
    }

    fn bare() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() };
        for folder in ["bin", "home", "a checkout/packaging"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        for file in ["Cargo.toml", "packaging/lib.sh", "packaging/start.sh", "packaging/test.sh"] {
            fs::copy(super::root().join(file), machine.path(&format!("a checkout/{file}"))).unwrap();
        }
        for tool in ["bash", "sh", "env", "cat", "sed", "grep", "dirname", "basename", "chmod", "mkdir"] {
            symlink(which(tool), machine.path(&format!("bin/{tool}"))).unwrap();
        }
        fs::write(machine.path("installed"), "").unwrap();
        machine.stand_in("uname", "case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac\n");
        machine.stand_in("cargo", CARGO);
        machine.user("0");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a program on the `PATH` that notes its call and then does `body`.
    pub fn stand_in(&self, name: &str, body: &str) {
        let path = self.path("bin").join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, format!("{NOTE}{body}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn without(&self, name: &str) {
        fs::remove_file(self.path("bin").join(name)).unwrap();
    }

    /// Who runs the script, as `id -u` says.
    pub fn user(&self, id: &str) {
        self.stand_in("id", &format!("echo {id}\n"));
    }

    /// No rustup and no cargo; what is fetched from rustup's address installs one.
    pub fn without_rust(&self) {
        self.without("cargo");
        let cargo = format!("{NOTE}{CARGO}");
        let body = format!(
            "cat <<'SCRIPT'\nmkdir -p ~/.cargo/bin\ncat >~/.cargo/bin/cargo <<'CARGO'\n{cargo}CARGO\nchmod +x ~/.cargo/bin/cargo\nSCRIPT\n"
        );
        self.stand_in("curl", &body);
    }

    /// From now on nothing that is installed arrives.
    pub fn break_installs(&self) {
        fs::write(self.path("broken"), "").unwrap();
    }

    pub fn set(&mut self, variable: &'static str, value: &'static str) {
        self.environment.push((variable, value));
    }

    /// Runs a script of the checkout from another folder.
    pub fn run(&self, script: &str, arguments: &[&str]) -> Outcome {
        let _ = fs::remove_file(self.path("calls"));
        let output = Command::new(which("bash"))
            .arg(self.path("a checkout/packaging").join(script))
            .args(arguments)
            .current_dir(self.path("home"))
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("home"))
            .env("MACHINE", self.folder.path())
            .envs(self.environment.iter().copied())
            .output()
            .unwrap();
        Outcome { output, calls: fs::read_to_string(self.path("calls")).unwrap_or_default() }
    }
}

/// What a script said and called.
pub struct Outcome {
    output: Output,
    calls: String,
}

impl Outcome {
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// Everything that it printed.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&[self.output.stdout.as_slice(), &self.output.stderr].concat()).into_owned()
    }

    /// The calls of one program, with arguments.
    pub fn calls(&self, program: &str) -> Vec<&str> {
        self.calls.lines().filter(|call| call.split(' ').next() == Some(program)).collect()
    }
}

fn which(tool: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|path| path.is_file()).unwrap()
}
