//! The table of what may be said and what may not, and of who outweighs whom.

use super::*;
use clap::CommandFactory;

fn parse(args: &[&str]) -> Result<Config, String> {
    let args = ["nearcall-relay"].iter().chain(args);
    let args = Args::try_parse_from(args).map_err(|error| error.to_string())?;
    args.settings.or_file(args.config.as_deref()).and_then(Settings::into_config).map_err(|error| error.to_string())
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn the_command_line_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn on_loopback_a_region_is_enough() {
    let config = parse(&["--region", "oslo"]).unwrap();
    assert_eq!((config.listen.port(), config.access), (DEFAULT_PORT, Access::Open));
    assert_eq!(config.certificate, CertificateSource::SelfSigned);
}

#[test]
fn what_cannot_work_is_refused_with_what_to_mend() {
    let table: [(&[&str], &str); 9] = [
        (&[], "--region"),
        (&["--region", "oslo", "--listen", "0.0.0.0:4433"], "--open"),
        (&["--region", "oslo", "--listen", "0.0.0.0:4433", "--open"], "--advertise"),
        (&["--region", "oslo", "--cert", "a.pem"], "--key"),
        (&["--region", "oslo", "--self-signed", "--cert", "a", "--key", "b"], "cannot be used with"),
        (&["--region", "oslo", "--open", "--auth-key", "k"], "cannot be used with"),
        (&["--region", "oslo", "--nats", "localhost"], "nats://HOST:4222"),
        (&["--region", "oslo", "--advertise", "a/b"], "HOST:PORT"),
        (&["--region", "oslo", "--auth-key", "/does/not/exist"], "/does/not/exist"),
    ];
    for (args, says) in table {
        let error = parse(args).expect_err("it must not start");
        assert!(error.contains(says), "{args:?}: {error}");
    }
}

#[test]
fn beyond_loopback_it_takes_a_key_or_open() {
    let key = file("hs256:whatever");
    let key = key.path().to_str().unwrap();
    let outside = ["--region", "oslo", "--listen", "192.0.2.1:4433"];
    assert_eq!(parse(&[&outside[..], &["--open"]].concat()).unwrap().access, Access::Open);
    let guarded = parse(&[&outside[..], &["--auth-key", key]].concat()).unwrap();
    assert_eq!(guarded.access, Access::Key("hs256:whatever".into()));
}

#[test]
fn flags_go_before_the_file() {
    let file = file("region = \"oslo\"\nprovider = \"metal\"\nlisten = \"192.0.2.1:5000\"\nopen = true\n");
    let path = file.path().to_str().unwrap();
    let config = parse(&["--config", path, "--provider", "cloud"]).unwrap();
    assert_eq!((config.region.as_str(), config.provider.as_str(), config.listen.port()), ("oslo", "cloud", 5000));
}

#[test]
fn a_choice_on_the_command_line_replaces_the_files_whole() {
    let file = file("region = \"oslo\"\ncert = \"a.pem\"\nkey = \"b.pem\"\nauth_key = \"/does/not/exist\"\n");
    let path = file.path().to_str().unwrap();
    let config = parse(&["--config", path, "--self-signed", "--open"]).unwrap();
    assert_eq!((config.certificate, config.access), (CertificateSource::SelfSigned, Access::Open));
}

#[test]
fn a_name_without_meaning_in_the_file_is_an_error() {
    let file = file("region = \"oslo\"\nlistn = \"0.0.0.0:5000\"\n");
    let error = parse(&["--config", file.path().to_str().unwrap()]).unwrap_err();
    assert!(error.contains("listn"), "{error}");
}

#[test]
fn a_token_takes_a_key_a_room_and_a_name() {
    let args = ["nearcall-relay", "token", "--auth-key", "k", "--room", "r", "--name", "n", "--ttl", "90m"];
    let Some(Command::Token(token)) = Args::try_parse_from(args).unwrap().command else { panic!("not a token") };
    assert_eq!(token.ttl, Duration::from_secs(5400));
}

#[test]
fn proxies_are_named_by_their_networks_and_a_relay_behind_them_is_guarded() {
    let oslo = ["--region", "oslo"];
    let behind = [&oslo[..], &["--plain", "127.0.0.1:8080", "--trusted-proxies", "127.0.0.1,::1", "--open"]].concat();
    let config = parse(&behind).unwrap();
    assert_eq!((config.plain.unwrap().port(), config.fronts.trusted_proxies.len()), (8080, 2));
    let file = file(
        "region = \"oslo\"\nopen = true\nproxy_protocol_from = [\"10.0.0.0/8\"]\nforwarded_header = \"forwarded\"\n",
    );
    let config = parse(&["--config", file.path().to_str().unwrap()]).unwrap();
    assert!(config.fronts.must_introduce("10.1.2.3".parse().unwrap()));
    assert_eq!(config.fronts.header, ForwardedHeader::Forwarded);
    let table: [(&[&str], &str); 4] = [
        (&["--plain", "127.0.0.1:8080"], "behind a proxy"),
        (&["--proxy-protocol-from", "10.0.0.0/8"], "behind a proxy"),
        (&["--plain", "10.0.0.1:8080", "--open"], "--plain-beyond-loopback"),
        (&["--trusted-proxies", "10.0.0.1/8", "--open"], "the network is 10.0.0.0/8"),
    ];
    for (args, says) in table {
        let error = parse(&[&oslo[..], args].concat()).expect_err("it must not start");
        assert!(error.contains(says), "{args:?}: {error}");
    }
}
