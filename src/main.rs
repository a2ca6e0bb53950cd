//! `nearcall`, the app.

fn main() -> std::process::ExitCode {
    nearcall::cli::main()
}
