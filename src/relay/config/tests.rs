//! The table of what may be said and what may not, and of who outweighs whom.

use std::time::Duration;

use clap::{CommandFactory, Parser};

use super::*;
use crate::proto::DEFAULT_PORT;
use crate::relay::fronts::ForwardedHeader;

fn parse(args: &[&str]) -> Result<Config, String> {
    parse_in(args, &[])
}

fn parse_in(args: &[&str], environment: &[(&str, &str)]) -> Result<Config, String> {
    let args = ["nearcall-relay"].iter().chain(args);
    let args = Args::try_parse_from(args).map_err(|error| error.to_string())?;
    let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    args.into_config(environment).map_err(|errors| errors.to_string())
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
    let table: [(&[&str], &str); 14] = [
        (&[], "--region"),
        (&["--region", "oslo", "--listen", "0.0.0.0:4433"], "--open"),
        (&["--region", "oslo", "--listen", "0.0.0.0:4433", "--open"], "--advertise"),
        (&["--region", "oslo", "--cert", "a.pem"], "--key"),
        (&["--region", "oslo", "--self-signed", "--cert", "a", "--key", "b"], "cannot be used with"),
        (&["--region", "oslo", "--open", "--auth-key", "k"], "cannot be used with"),
        (&["--region", "oslo", "--nats", "localhost"], "nats://HOST:4222"),
        (&["--region", "oslo", "--nats", "nats://a", "--nats-cert", "c.pem"], "--nats-key"),
        (&["--region", "oslo", "--nats-ca", "ca.pem"], "give nats as well"),
        (&["--region", "oslo", "--advertise", "a/b"], "--advertise \"a/b\" is not HOST:PORT"),
        (&["--region", "oslo", "--advertise-websocket", "a/b"], "--advertise-websocket \"a/b\" is not HOST:PORT"),
        (&["--region", "oslo", "--auth-key", "/does/not/exist"], "/does/not/exist"),
        (&["--region", "oslo", "--ticket-secret", "s"], "--auth-key"),
        (&["--region", "oslo", "--advertise", "relay.example:4433"], "relay.example:4433 can be reached from outside"),
    ];
    for (args, says) in table {
        let error = parse(args).expect_err("it must not start");
        assert!(error.contains(says), "{args:?}: {error}");
    }
}

#[test]
fn several_nats_servers_are_one_setting_and_no_password_of_theirs_is_shown() {
    let ca = file("-----BEGIN CERTIFICATE-----");
    let text = "region = \"oslo\"\nnats = \"tls://relay:s3cret@a:4222,tls://b\"\n";
    let text = format!("{text}nats_ca = '{}'\n", ca.path().display());
    let config = parse(&["--config", file(&text).path().to_str().unwrap()]).unwrap();
    let shown = format!("{config:?}");
    let crate::relay::bus::BusConfig::Nats(nats) = config.bus else { panic!("{shown}") };
    assert_eq!(nats.servers, ["tls://relay:s3cret@a:4222", "tls://b"]);
    assert_eq!(nats.ca.as_deref(), Some(ca.path()));
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn beyond_loopback_it_takes_a_key_or_open() {
    let key = file("hs256:c2l4dGVlbi1ieXRlcy1hbmQtYXMtbWFueS1hZ2Fpbi1oZXJl");
    let key = key.path().to_str().unwrap();
    let outside = ["--region", "oslo", "--listen", "192.0.2.1:4433"];
    assert_eq!(parse(&[&outside[..], &["--open"]].concat()).unwrap().access, Access::Open);
    let guarded = parse(&[&outside[..], &["--auth-key", key]].concat()).unwrap();
    let files = |ticket_secret| KeyFiles { auth: vec![key.into()], ticket_secret };
    assert_eq!(guarded.access, Access::Files(files(None)));
    let secret = file("sixteen bytes and more");
    let path = secret.path().to_str().unwrap();
    let sealed = parse(&[&outside[..], &["--auth-key", key, "--ticket-secret", path]].concat()).unwrap();
    assert_eq!(sealed.access, Access::Files(files(Some(path.into()))));
    let several = parse(&[&outside[..], &["--auth-key", key, "--auth-key", key]].concat()).unwrap();
    assert_eq!(several.access, Access::Files(KeyFiles { auth: vec![key.into(); 2], ticket_secret: None }));
}

#[test]
fn loopback_is_loopback_in_every_writing_and_nothing_else_is() {
    let rows: [(&[&str], bool); 16] = [
        (&["--listen", "127.0.0.1:4433"], true),
        (&["--listen", "127.8.9.1:4433"], true),
        (&["--listen", "[::1]:4433"], true),
        (&["--listen", "[::ffff:127.0.0.1]:4433"], true),
        (&["--advertise", "localhost:4433"], true),
        (&["--advertise", "LOCALHOST"], true),
        (&["--advertise", "::1"], true),
        (&["--advertise", "[::1]:4433"], true),
        (&["--advertise", "127.0.0.1:4433"], true),
        (&["--listen", "0.0.0.0:4433"], false),
        (&["--listen", "[::]:4433"], false),
        (&["--listen", "[::ffff:0.0.0.0]:4433"], false),
        (&["--listen", "[::ffff:192.0.2.1]:4433"], false),
        (&["--listen", "[2001:db8::1]:4433"], false),
        (&["--listen", "[fe80::1]:4433", "--advertise", "localhost"], false),
        (&["--advertise", "[2001:db8::1]:4433"], false),
    ];
    for (args, local) in rows {
        let told = parse(&[&["--region", "oslo"], args].concat());
        match local {
            true => assert_eq!(told.unwrap().access, Access::Open, "{args:?}"),
            false => assert!(told.unwrap_err().contains("from outside"), "{args:?}"),
        }
    }
    let everywhere = parse(&["--region", "oslo", "--open", "--listen", "[::ffff:0.0.0.0]:4433"]);
    assert!(everywhere.unwrap_err().contains("every address"));
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
fn all_that_is_wrong_with_a_file_is_said_at_once_with_lines_and_what_to_write() {
    let table = [
        ("drain_dedline = \"30s\"", "unknown key `drain_dedline`: did you mean `drain_deadline`?"),
        ("drain-deadline = \"30s\"", "unknown key `drain-deadline`: did you mean `drain_deadline`?"),
        ("xyzzy = 1", "unknown key `xyzzy`"),
        ("provider = 7", "`provider` must be text in quotes, such as \"oslo\"; here it is the number 7"),
        ("listen = \"4433\"", "`listen` must be an address and a port"),
        ("workers = 0", "`workers` must be from 1 to 1024; here it is the number 0"),
        ("log_level = \"inof\"", "`log_level` cannot be \"inof\": did you mean \"info\"?"),
        ("drain_deadline = 30", "`drain_deadline` must be a duration in quotes, such as \"30s\""),
        ("open = \"yes\"", "`open` must be true or false, without quotes"),
        ("[limits]", ""),
        ("conections = 5", "unknown key `conections`: did you mean `connections`?"),
        ("idle = \"2h\"", "`idle` must be from \"100ms\" to \"1h\""),
        ("half_open = -1", "`half_open` must be from 0"),
    ];
    let text: Vec<_> = table.iter().map(|(line, _)| *line).collect();
    let file = file(&text.join("\n"));
    let error = parse(&["--config", file.path().to_str().unwrap(), "--region", "oslo"]).unwrap_err();
    let expected = table.iter().enumerate().filter(|(_, (_, says))| !says.is_empty());
    assert_eq!(error.lines().count(), table.len() - 1, "{error}");
    for ((n, (_, says)), error) in expected.zip(error.lines()) {
        assert!(error.contains(&format!("line {}: {says}", n + 1)), "{error}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_the_line() {
    let file = file("region = \"oslo\"\nlisten = \n");
    let error = parse(&["--config", file.path().to_str().unwrap()]).unwrap_err();
    assert!(error.contains("line 2"), "{error}");
}

#[test]
fn several_faults_of_the_settings_are_said_together() {
    let args = ["--listen", "0.0.0.0:4433", "--nats", "localhost", "--cert", "/does/not/exist", "--key", "/nor/this"];
    let error = parse(&args).unwrap_err();
    for says in ["--region", "/does/not/exist", "--auth-key", "--advertise", "nats://"] {
        assert!(error.contains(says), "{says} is missing in {error}");
    }
}

#[test]
fn a_slip_in_the_environment_is_not_ignored() {
    let says = |name| parse_in(&["--region", "oslo"], &[(name, "tcp://10.0.0.1:4433")]).err().unwrap_or_default();
    assert!(says("NEARCALL_RELAY_REGOIN").contains("did you mean `NEARCALL_RELAY_REGION`?"));
    assert!(says("NEARCALL_RELAY_XYZZY").contains("unknown name"));
    assert_eq!(says("NEARCALL_LOG"), "");
    // What Kubernetes tells of a service that is called like the program.
    for link in ["NEARCALL_RELAY_SERVICE_HOST", "NEARCALL_RELAY_PORT", "NEARCALL_RELAY_PORT_4433_UDP_ADDR"] {
        assert_eq!(says(link), "");
    }
}

#[test]
fn a_switch_can_be_turned_off_where_the_file_turns_it_on() {
    let file = file("region = \"oslo\"\nlog_json = true\n[limits]\nconnections = 9\n");
    let path = file.path().to_str().unwrap();
    let config = parse(&["--config", path]).unwrap();
    assert_eq!((config.log_json, config.limits.connections), (true, 9));
    assert!(!parse(&["--config", path, "--log-json=false"]).unwrap().log_json);
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
