//! `nearcall-relay token` and `nearcall-relay key`: making tokens and keys, and explaining a token. Exit 0 done, 1 failed (a token
//! that does not count, a file that is there already), 2 wrong usage (a key that cannot be read).

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ring::rand::SystemRandom;

use super::super::config::read;
use super::{failed, usage};
use crate::clock;
use crate::crypto::token::{KeyRing, read_unchecked};
use crate::crypto::{AuthKey, Claims};
use crate::proto::limits;

#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// The private key that relays check tokens with; with --check, any of the keys
    #[arg(long, value_name = "FILE", value_delimiter = ',', required = true, env = "NEARCALL_RELAY_AUTH_KEY")]
    pub auth_key: Vec<PathBuf>,
    #[arg(long, required_unless_present = "check")]
    pub room: Option<String>,
    /// Who it is for
    #[arg(long, required_unless_present = "check")]
    pub name: Option<String>,
    /// May mute, remove and lock
    #[arg(long)]
    pub host: bool,
    /// May listen and watch, and not speak or be seen
    #[arg(long)]
    pub no_publish: bool,
    /// How long it is good for
    #[arg(long, value_name = "DURATION", default_value = "6h", value_parser = humantime::parse_duration)]
    pub ttl: Duration,
    /// It is good only after this time from now; --ttl counts from there
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub not_before: Option<Duration>,
    /// Print token and claims as JSON
    #[arg(long)]
    pub json: bool,
    /// Explain this token instead of making one; -: read it from standard input
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true, conflicts_with_all = ["room", "name", "host", "no_publish", "not_before"])]
    pub check: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// Where the new key goes; nothing is ever overwritten
    pub file: PathBuf,
    /// A shared secret (HS256) instead of a key pair (Ed25519)
    #[arg(long)]
    pub hs256: bool,
    /// Print the public half of the key in FILE: for relays that only check
    #[arg(long, conflicts_with = "hs256")]
    pub public: bool,
}

/// Makes or explains a token.
pub(super) fn token(args: &TokenArgs) -> ExitCode {
    let keys = match args.auth_key.iter().map(|path| read_key(path)).collect::<Result<Vec<_>, _>>() {
        Ok(keys) => keys,
        Err(error) => return usage(&error),
    };
    let Some(ring) = KeyRing::new(keys) else { return usage(&"give from 1 to 8 keys") };
    let done = match &args.check {
        Some(token) => check(&ring, token, args),
        None => make(&ring.keys()[0], args),
    };
    match done {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn make(key: &AuthKey, args: &TokenArgs) -> Result<String, String> {
    let issued = clock::unix_seconds();
    let begins = args.not_before.map_or(0, |wait| issued.saturating_add(wait.as_secs()));
    let claims = Claims {
        room: args.room.clone().unwrap_or_default(),
        user: args.name.clone().unwrap_or_default(),
        publish: !args.no_publish,
        host: args.host,
        issued,
        expires: issued.max(begins).saturating_add(args.ttl.as_secs()),
    };
    if args.ttl.is_zero() {
        return Err("a token that is good for no time at all is of no use: give another --ttl".into());
    }
    let token = key.sign_from(&claims, begins).map_err(|error| error.to_string())?;
    if !args.json {
        return Ok(token);
    }
    let (header, claims) = read_unchecked(&token).map_err(|error| error.to_string())?;
    pretty(&serde_json::json!({ "token": token, "header": header, "claims": claims }))
}

/// What a token says and whether it counts here and now.
fn check(ring: &KeyRing, token: &str, args: &TokenArgs) -> Result<String, String> {
    let mut typed = String::new();
    let token = match token {
        "-" => {
            let all = std::io::stdin().take(2 * limits::TOKEN_BYTES as u64).read_to_string(&mut typed);
            all.map_err(|error| format!("standard input: {error}"))?;
            typed.trim()
        }
        token => token.trim(),
    };
    let (header, claims) = read_unchecked(token).map_err(|error| error.to_string())?;
    let verdict = ring.verify(token, clock::unix_seconds());
    let explained = serde_json::json!({
        "valid": verdict.is_ok(),
        "error": verdict.as_ref().err().map(ToString::to_string),
        "key": verdict.as_ref().ok().map(|(index, _)| args.auth_key[*index].display().to_string()),
        "header": header,
        "claims": claims,
    });
    match verdict {
        _ if args.json => {
            let text = pretty(&explained)?;
            if verdict_is_good(&explained) { Ok(text) } else { Err(text) }
        }
        Ok((index, claims)) => Ok(words(&claims, &args.auth_key[index], clock::unix_seconds())),
        Err(error) => Err(format!("{error}\nit says: {claims}")),
    }
}

fn verdict_is_good(explained: &serde_json::Value) -> bool {
    explained["valid"] == true
}

fn words(claims: &Claims, key: &Path, now: u64) -> String {
    let left = humantime::format_duration(Duration::from_secs(claims.expires.saturating_sub(now)));
    let may = match (claims.publish, claims.host) {
        (true, true) => "speak and be seen, mute, remove and lock",
        (true, false) => "speak and be seen",
        (false, true) => "listen and watch, mute, remove and lock",
        (false, false) => "listen and watch",
    };
    let Claims { user, room, .. } = claims;
    format!("valid for {left}\nroom:  {room}\nuser:  {user}\nmay:   {may}\nkey:   {}", key.display())
}

/// Makes a key, or shows the public half of one.
pub(super) fn key(args: &KeyArgs) -> ExitCode {
    if args.public {
        return match read_key(&args.file).map(|key| key.public_text()) {
            Ok(Some(text)) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Ok(None) => failed(&"an HS256 key is one secret and has no public half"),
            Err(error) => usage(&error),
        };
    }
    let random = SystemRandom::new();
    let text = if args.hs256 { AuthKey::generate_hs256(&random) } else { AuthKey::generate_ed25519(&random) };
    let written = text.map_err(|error| error.to_string()).and_then(|text| {
        write_new(&args.file, &text).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                format!("{} is there already: a key is never overwritten", args.file.display())
            }
            _ => format!("cannot write {}: {error}", args.file.display()),
        })?;
        read_key(&args.file)
    });
    match written {
        Ok(key) => {
            println!("{}", key.id());
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

/// Readable by its owner alone, from the first byte on.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn read_key(path: &Path) -> Result<AuthKey, String> {
    let text = read(path).map_err(|error| error.to_string())?;
    AuthKey::from_file_text(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn pretty(value: &serde_json::Value) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}
