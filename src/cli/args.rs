//! The command line, as the design's section 11 fixes it: options are added, never renamed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand};

use crate::call::manifest::Source;
use crate::media::audio::AudioSource;
use crate::media::screen::ScreenSource;
use crate::media::video::{Codec, VideoSource};

/// Video calls over the relay that you measure to be the nearest.
#[derive(Debug, Parser)]
#[command(
    name = "nearcall",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without a command it opens the window, or shows the one that is open and hands it LINK. With \
                  an option, --log aside, it opens a window of its own. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nobody answered."
)]
pub struct Args {
    /// What is logged to stderr: error, warn, info, debug, trace
    #[arg(long, global = true, default_value = "warn", value_name = "LEVEL")]
    pub log: String,
    #[command(flatten)]
    pub window: WindowArgs,
    #[command(subcommand)]
    pub command: Option<Sub>,
}

/// What the window may be told; it weighs more than the settings, for this run.
#[derive(Debug, Default, ClapArgs)]
pub struct WindowArgs {
    /// An invite (nearcall://join/... or https://...): opens the lobby with it; alone, in the window that is open if there is one
    #[arg(value_name = "LINK", conflicts_with = "room", value_parser = link)]
    pub link: Option<String>,
    /// The room's name; whoever knows it can listen
    #[arg(long, value_name = "ROOM")]
    pub room: Option<String>,
    /// Where the relays are listed: a file or an https:// address; repeats
    #[arg(long, value_name = "FILE|URL")]
    pub manifest: Vec<Source>,
    /// What the others see
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Stay with this region (or relay) while it can carry the call
    #[arg(long, value_name = "REGION")]
    pub pin: Option<String>,
    /// What to show: camera[:ID], pattern, file:IN.y4m, off
    #[arg(long, value_name = "SOURCE")]
    pub video: Option<VideoSource>,
    /// What to say: mic[:ID], tone[:HZ], file:IN.wav, off
    #[arg(long, value_name = "SOURCE")]
    pub audio: Option<AudioSource>,
    /// What to share in the first call: screen[:ID], window:ID, pattern
    #[arg(long, value_name = "SCREEN")]
    pub share: Option<ScreenSource>,
    /// Where the others are heard: speaker[:ID], off
    #[arg(long, value_name = "SINK")]
    pub play: Option<crate::media::audio::Output>,
    /// Write events, one JSON object a line; - is stdout
    #[arg(long, value_name = "FILE|-")]
    pub events: Option<PathBuf>,
    /// Joins as soon as the race has a leader, without waiting for the button
    #[arg(long)]
    pub join: bool,
    /// A window of its own, although another one is open
    #[arg(long)]
    pub new_window: bool,
    /// What draws the window: auto takes wgpu on a graphics card and OpenGL otherwise
    #[arg(long, value_name = "RENDERER")]
    pub renderer: Option<crate::ui::renderer::Choice>,
    /// Nothing of this is kept in the history of elections
    #[arg(long)]
    pub no_history: bool,
}

impl WindowArgs {
    /// Whether a window that is open already can do all that is asked: a link alone, or nothing.
    pub fn is_handed_over(&self) -> bool {
        let Self { link: _, room, manifest, name, pin, video, audio, share, play, events, .. } = self;
        let Self { join, new_window, renderer, no_history, .. } = self;
        let texts = [room, name, pin];
        let media = video.is_some() || audio.is_some() || share.is_some() || play.is_some();
        let told = media || events.is_some() || renderer.is_some() || !manifest.is_empty();
        !(told || *join || *new_window || *no_history || texts.iter().any(|text| text.is_some()))
    }
}

#[derive(Debug, Subcommand)]
pub enum Sub {
    /// Races the relays and prints what was measured
    Probe(ProbeArgs),
    /// Joins a call without a window
    Call(Box<CallArgs>),
    /// Lists cameras, microphones, speakers, and the screens and windows that can be shared
    Devices(DevicesArgs),
    /// Prints the last elections, and every decision with what it was made on
    History(HistoryArgs),
    /// Makes an invite
    Link(LinkArgs),
    /// Puts relays and calls through trouble and measures what it costs the listener
    Drill(Box<DrillArgs>),
    /// Three relays, emulated distance and two participants, on this machine alone
    Demo(DemoArgs),
    /// Compares ways to choose a relay, over measured round trips, in virtual time
    Simulate(SimulateArgs),
    /// Renders every screen in every state to PNG files
    #[command(hide = true)]
    Gallery(GalleryArgs),
}

#[derive(Debug, ClapArgs)]
pub struct ProbeArgs {
    /// Where the relays are listed: a file or an https:// address; repeats
    #[arg(long, required = true, value_name = "FILE|URL")]
    pub manifest: Vec<Source>,
    /// How long the race goes on
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = time)]
    pub window: Duration,
    /// One JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    /// Nothing of this is kept in the history of elections
    #[arg(long)]
    pub no_history: bool,
}

#[derive(Debug, ClapArgs)]
pub struct CallArgs {
    /// An invite (nearcall://join/... or https://...), or use --room
    #[arg(value_name = "LINK", required_unless_present = "room", conflicts_with = "room")]
    pub link: Option<String>,
    /// The room's name; whoever knows it can listen: for tests, use an invite otherwise
    #[arg(long, value_name = "ROOM")]
    pub room: Option<String>,
    /// Where the relays are listed: a file or an https:// address; repeats
    #[arg(long, value_name = "FILE|URL")]
    pub manifest: Vec<Source>,
    /// What the others see
    #[arg(long, default_value = "guest", value_name = "NAME")]
    pub name: String,
    /// Leave after this time; without it, on Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub duration: Option<Duration>,
    /// Stay with this region (or relay) while it can carry the call
    #[arg(long, value_name = "REGION")]
    pub pin: Option<String>,
    /// A signed token, where the relays ask for one
    #[arg(long, env = "NEARCALL_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// How long the race goes on; the call begins with its leader, earlier
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = time)]
    pub window: Duration,
    /// What to show: camera[:ID], pattern, file:IN.y4m, off
    #[arg(long, default_value = "camera", value_name = "SOURCE")]
    pub video: VideoSource,
    /// What pictures are sent in where everybody in the room can read it: h264, or vp9 where it is built in.
    #[arg(long, value_name = "CODEC", default_value = "h264")]
    pub codec: Codec,
    /// What to say: mic[:ID], tone[:HZ], file:IN.wav, off
    #[arg(long, default_value = "mic", value_name = "SOURCE")]
    pub audio: AudioSource,
    /// What to share as well: screen[:ID], window:ID, pattern
    #[arg(long, value_name = "SCREEN")]
    pub share: Option<ScreenSource>,
    /// Where the others are heard: speaker[:ID], off
    #[arg(long, default_value = "speaker", value_name = "SINK")]
    pub play: crate::media::audio::Output,
    /// What is done to a microphone's sound: echo, noise and gain, any of them with commas between, or off
    #[arg(long, default_value = "echo,noise,gain", value_name = "WHAT")]
    pub processing: crate::media::audio::Switches,
    /// Say this in the chat as soon as somebody else is there; repeats. - says each line of standard input, where /hand up,
    /// /hand down and /react NAME do what they say
    #[arg(long, value_name = "TEXT|-")]
    pub chat: Vec<String>,
    /// Write the mix that the speaker gets, from the start of the process, 48 kHz mono
    #[arg(long, value_name = "OUT.wav")]
    pub record_audio: Option<PathBuf>,
    /// Write the pictures of the first peer, as they would be drawn
    #[arg(long, value_name = "OUT.y4m")]
    pub record_video: Option<PathBuf>,
    /// Write events, one JSON object a line; - is stdout
    #[arg(long, value_name = "FILE|-")]
    pub events: Option<PathBuf>,
    /// Nothing of this is kept in the history of elections
    #[arg(long)]
    pub no_history: bool,
}

#[derive(Debug, ClapArgs)]
pub struct HistoryArgs {
    /// One JSON object with every decision and what it was made on
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// The same as one table for a spreadsheet
    #[arg(long)]
    pub csv: bool,
    /// Only the last so many elections
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Every decision in words, below its election
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    pub decisions: bool,
}

#[derive(Debug, ClapArgs)]
pub struct DevicesArgs {
    /// One JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct LinkArgs {
    /// The room's name
    #[arg(long, value_name = "ROOM")]
    pub room: String,
    /// Where the relays are listed: a file or an https:// address; repeats
    #[arg(long, required = true, value_name = "FILE|URL")]
    pub manifest: Vec<Source>,
    /// A signed token for this room, where the relays ask for one
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub struct DrillArgs {
    /// What to drill; several are run one after the other
    #[arg(value_enum, value_name = "SCENARIO", required_unless_present = "all", conflicts_with = "all")]
    pub scenario: Vec<super::drill::Scenario>,
    /// Everything
    #[arg(long)]
    pub all: bool,
    /// One JSON object instead of a table, with every sample
    #[arg(long)]
    pub json: bool,
    /// How often each is run; the figures are over all runs
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub runs: usize,
    /// Participants of a run, where that is open: 6, and 20 in crowd and rolling, unless said
    #[arg(long, value_name = "N", conflicts_with = "manifest")]
    pub clients: Option<usize>,
    /// Round trip to the nearest relay, instead of the scenario's (50ms; 40ms to join)
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "manifest")]
    pub rtt: Option<Duration>,
    /// NATS servers that join the drill's own relays, instead of this process; never those of real relays, which would list them
    #[arg(long, value_name = "URL,...", conflicts_with = "manifest")]
    pub nats: Option<String>,
    /// How long two relays swing, at most 2h
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = time)]
    pub flap_time: Duration,
    /// Drills real relays with two participants, as far as can be done from outside: a file or an https:// address; repeats
    #[arg(long, value_name = "FILE|URL")]
    pub manifest: Vec<Source>,
    /// A signed token, where the relays ask for one
    #[arg(long, env = "NEARCALL_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// The room that the token is for; one of its own otherwise
    #[arg(long, value_name = "ROOM", requires = "manifest")]
    pub room: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub struct DemoArgs {
    /// Without a window: prints the race, the call and its summary
    #[arg(long, action = ArgAction::SetTrue)]
    pub headless: bool,
    /// How long the call lasts without a window
    #[arg(long, default_value = "20s", value_name = "TIME", value_parser = time)]
    pub duration: Duration,
    /// What draws the window: auto takes wgpu on a graphics card and OpenGL otherwise
    #[arg(long, value_name = "RENDERER")]
    pub renderer: Option<crate::ui::renderer::Choice>,
    /// What you show: camera[:ID], pattern, file:IN.y4m, off
    #[arg(long, value_name = "SOURCE")]
    pub video: Option<VideoSource>,
    /// What you say: mic[:ID], tone[:HZ], file:IN.wav, off
    #[arg(long, value_name = "SOURCE")]
    pub audio: Option<AudioSource>,
    /// Joins as soon as the race has a leader, without waiting for the button
    #[arg(long)]
    pub join: bool,
}

#[derive(Debug, ClapArgs)]
pub struct SimulateArgs {
    /// Cities with a relay
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=32))]
    pub regions: u8,
    /// Round trips: cities (212 of them), aws (33 regions), or a file of your own, .csv or .json
    #[arg(long, default_value = "cities", value_name = "MATRIX")]
    pub matrix: String,
    /// Cities with a client; without it, all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub clients: Option<u16>,
    /// Races of each client
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub races: u16,
    /// Calls whose region dies
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub failovers: u16,
    /// Packets that are lost in each direction, in per cent
    #[arg(long, default_value = "2", value_name = "PERCENT", value_parser = percent)]
    pub loss: f64,
    /// Decides every random number
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// One JSON object instead of tables
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct GalleryArgs {
    /// Where the images go
    #[arg(default_value = "gallery", value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// The arguments fit the grammar and make no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Tells a link from a command that was mistyped. Whether the link is whole is for the lobby to say.
fn link(text: &str) -> Result<String, String> {
    let known = ["nearcall:", "https:"].iter().any(|scheme| text.trim_start().starts_with(scheme));
    known
        .then(|| text.to_owned())
        .ok_or_else(|| "neither a command nor a link (nearcall://join/... or https://...)".into())
}

fn percent(text: &str) -> Result<f64, String> {
    let parsed = text.trim_end_matches('%').parse().ok().filter(|percent| (0.0..=50.0).contains(percent));
    parsed.ok_or_else(|| "not a number from 0 to 50".into())
}

fn time(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).map_err(|error| format!("{error}; write it as 500ms, 20s or 2m"))?;
    match parsed {
        Duration::ZERO => Err("must be more than nothing".into()),
        long if long > Duration::from_secs(30 * 86_400) => Err("must be less than a month".into()),
        _ => Ok(parsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_has_no_contradictions() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn a_call_needs_a_room_or_a_link_and_not_both() {
        assert!(Args::try_parse_from(["nearcall", "call"]).is_err());
        assert!(Args::try_parse_from(["nearcall", "call", "nearcall://join/a", "--room", "a"]).is_err());
        assert!(Args::try_parse_from(["nearcall", "call", "--room", "a", "--duration", "1m"]).is_ok());
    }

    #[test]
    fn a_link_alone_opens_the_window_and_a_command_does_not() {
        let window = |args: &[&str]| Args::try_parse_from(args).map(|args| (args.window.link, args.command.is_some()));
        assert_eq!(window(&["nearcall"]).unwrap(), (None, false));
        let (link, command) = window(&["nearcall", "nearcall://join/a#b", "--join"]).unwrap();
        assert_eq!((link.as_deref(), command), (Some("nearcall://join/a#b"), false));
        assert_eq!(window(&["nearcall", "devices"]).unwrap(), (None, true));
        assert!(window(&["nearcall", "nearcall://join/a#b", "--room", "a"]).is_err());
        assert!(window(&["nearcall", "--join", "devices"]).is_err());
        let mistyped = window(&["nearcall", "prob"]).unwrap_err().to_string();
        assert!(mistyped.contains("neither a command nor a link"), "{mistyped}");
    }

    #[test]
    fn only_a_link_alone_goes_to_the_window_that_is_open() {
        let handed = |args: &[&str]| {
            let all = [&["nearcall"], args].concat();
            Args::try_parse_from(all).unwrap().window.is_handed_over()
        };
        assert!(handed(&[]) && handed(&["nearcall://join/a#b"]) && handed(&["--log", "info"]));
        for own in [
            &["--new-window"][..],
            &["nearcall://join/a#b", "--join"],
            &["--room", "a"],
            &["--manifest", "a.json"],
            &["--name", "Ada"],
            &["--pin", "tokyo"],
            &["--video", "off"],
            &["--audio", "off"],
            &["--play", "off"],
            &["--events", "a.jsonl"],
            &["--renderer", "glow"],
            &["--no-history"],
        ] {
            assert!(!handed(own), "{own:?}");
        }
    }

    #[test]
    fn a_time_without_a_unit_is_refused_with_an_example() {
        let error = Args::try_parse_from(["nearcall", "call", "--room", "a", "--duration", "20"]).unwrap_err();
        assert!(error.to_string().contains("20s"), "{error}");
    }
}
