//! What is drilled: the scenarios by name, the cases that each consists of, and how the stage is set for each.

use std::time::Duration;

use clap::ValueEnum;

/// A scenario as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Scenario {
    /// Nothing passes any more between the active relay and its clients
    Blackhole,
    /// The active relay ends without a word
    Kill,
    /// The active relay says that it goes away
    Drain,
    /// The way to the active relay gets longer; then, loses packets
    Degrade,
    /// Two relays swing by 8 ms in turn: nobody should move
    Flap,
    /// UDP does not pass: from the start; then, from the middle of a call on
    UdpBlocked,
    /// A nearer relay appears in the middle of a call
    RegionAdded,
    /// One participant's own network is gone for three seconds
    Outage,
    /// A NAT gives one participant another address
    Rebind,
    /// The token expires during the call, and then the relay dies
    Token,
    /// A laptop sleeps
    Suspend,
    /// From Join to the first picture and sound of somebody else
    Join,
    /// The user blocks the active relay
    Block,
    /// The user forces the call to another relay
    Force,
    /// Twenty participants in four rooms: one relay dies, one drains, one gets slow
    Crowd,
    /// Twenty participants in four rooms: all four relays are upgraded, one after the other
    Rolling,
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    Blackhole,
    Kill,
    Drain,
    Longer,
    Lossy,
    Flap,
    UdpAtStart,
    UdpInCall,
    RegionAdded,
    Outage,
    Rebind,
    Token,
    Suspend,
    Join,
    Block,
    Force,
    Crowd,
    Rolling,
}

impl Scenario {
    pub fn cases(self) -> &'static [Case] {
        match self {
            Scenario::Blackhole => &[Case::Blackhole],
            Scenario::Kill => &[Case::Kill],
            Scenario::Drain => &[Case::Drain],
            Scenario::Degrade => &[Case::Longer, Case::Lossy],
            Scenario::Flap => &[Case::Flap],
            Scenario::UdpBlocked => &[Case::UdpAtStart, Case::UdpInCall],
            Scenario::RegionAdded => &[Case::RegionAdded],
            Scenario::Outage => &[Case::Outage],
            Scenario::Rebind => &[Case::Rebind],
            Scenario::Token => &[Case::Token],
            Scenario::Suspend => &[Case::Suspend],
            Scenario::Join => &[Case::Join],
            Scenario::Block => &[Case::Block],
            Scenario::Force => &[Case::Force],
            Scenario::Crowd => &[Case::Crowd],
            Scenario::Rolling => &[Case::Rolling],
        }
    }
}

/// How the stage is set in this process.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub regions: &'static [&'static str],
    /// Participants; `None`: as many as were asked for.
    pub clients: Option<usize>,
    /// So many of three sit next to the first region, the others next to the second.
    pub thirds: usize,
    pub rooms: usize,
    /// The first so many send pictures.
    pub video: usize,
    /// Round trip to the nearest region.
    pub rtt: Duration,
    /// How much longer the way to the next one is.
    pub second: f64,
    /// Relays ask for tokens.
    pub tokens: bool,
}

/// When a case is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Everybody concerned has another link, and everybody hears everybody.
    Left,
    /// Everybody hears everybody again, wherever.
    Heard,
    /// Nobody is on the first two relays any more, and everybody hears everybody.
    Emptied,
    /// This time is over.
    Time(Duration),
    /// The new relay was measured by all.
    Raced,
}

const THREE: &[&str] = &["near", "far", "spare"];
const FOUR: &[&str] = &["near", "far", "spare", "calm"];

impl Case {
    /// As the table and JSON name it.
    pub fn name(self) -> &'static str {
        match self {
            Case::Blackhole => "blackhole",
            Case::Kill => "kill",
            Case::Drain => "drain",
            Case::Longer => "degrade-rtt",
            Case::Lossy => "degrade-loss",
            Case::Flap => "flap",
            Case::UdpAtStart => "udp-blocked-join",
            Case::UdpInCall => "udp-blocked",
            Case::RegionAdded => "region-added",
            Case::Outage => "outage",
            Case::Rebind => "rebind",
            Case::Token => "token",
            Case::Suspend => "suspend",
            Case::Join => "join",
            Case::Block => "block",
            Case::Force => "force",
            Case::Crowd => "crowd",
            Case::Rolling => "rolling",
        }
    }

    /// What is done, in words.
    pub fn cause(self) -> &'static str {
        match self {
            Case::Blackhole => "nothing passes between the active relay and its clients",
            Case::Kill => "the active relay ends without a word",
            Case::Drain => "the active relay gives its clients 9 s to leave",
            Case::Longer => "the round trip to the active relay doubles",
            Case::Lossy => "10 % of packets are lost on the way to the active relay, and 10 % on the way back",
            Case::Flap => "two equal relays swing by 8 ms in turn, period 20 s",
            Case::UdpAtStart => "joins with UDP blocked, and as many without",
            Case::UdpInCall => "UDP is blocked for all who use the active relay, on the way to every relay",
            Case::RegionAdded => "a relay at half the round trip starts, and the others hear of it on the bus",
            Case::Outage => "one participant's network is gone for 3 s",
            Case::Rebind => "a NAT gives one participant another address on every path",
            Case::Token => "every token has expired, and then the active relay is killed",
            Case::Suspend => "a laptop sleeps",
            Case::Join => "joins to a room in which somebody talks and shows a picture",
            Case::Block => "everybody there blocks the active relay",
            Case::Force => "everybody there forces the call to another relay",
            Case::Rolling => "each relay in turn drains, stops and starts again",
            Case::Crowd => {
                "one relay is killed, a second later another one drains, a second later a third one's round trip doubles"
            }
        }
    }

    /// How the stage is set; `rtt` weighs more than the case's own.
    pub fn setting(self, rtt: Option<Duration>) -> Setting {
        let usual = Setting {
            regions: THREE,
            clients: None,
            thirds: 2,
            rooms: 1,
            video: 0,
            rtt: Duration::from_millis(50),
            second: 1.6,
            tokens: false,
        };
        let setting = match self {
            Case::Drain | Case::Block | Case::Force => Setting { video: 2, ..usual },
            Case::Longer | Case::Lossy => Setting { video: 2, second: 1.04, ..usual },
            Case::Flap => Setting { thirds: 3, second: 1.0, ..usual },
            Case::UdpAtStart | Case::Join => {
                let rtt = Duration::from_millis(40);
                Setting { clients: Some(1), thirds: 3, video: 1, rtt, ..usual }
            }
            Case::UdpInCall => Setting { clients: Some(3), ..usual },
            Case::RegionAdded | Case::Outage | Case::Rebind => Setting { clients: Some(4), thirds: 3, ..usual },
            Case::Token => Setting { tokens: true, ..usual },
            Case::Crowd => Setting { regions: FOUR, clients: Some(20), rooms: 4, ..usual },
            Case::Rolling => Setting { regions: FOUR, clients: Some(20), rooms: 4, video: 4, ..usual },
            Case::Blackhole | Case::Kill | Case::Suspend => usual,
        };
        Setting { rtt: rtt.unwrap_or(setting.rtt), ..setting }
    }

    /// When it is over, and how long that is waited for.
    pub fn until(self, flap: Duration) -> (Until, Duration) {
        let seconds = Duration::from_secs;
        match self {
            Case::Blackhole | Case::Kill | Case::Token | Case::Block | Case::Force => (Until::Left, seconds(8)),
            Case::Drain => (Until::Left, seconds(10)),
            Case::Longer => (Until::Left, seconds(30)),
            Case::Lossy => (Until::Left, seconds(40)),
            Case::Flap => (Until::Time(flap), flap),
            Case::UdpInCall => (Until::Heard, seconds(20)),
            Case::RegionAdded => (Until::Raced, seconds(25)),
            Case::Outage | Case::Rolling => (Until::Heard, seconds(12)),
            Case::Rebind => (Until::Heard, seconds(8)),
            Case::Crowd => (Until::Emptied, seconds(15)),
            Case::UdpAtStart | Case::Join | Case::Suspend => (Until::Heard, seconds(10)),
        }
    }

    /// Why it cannot be done here at all.
    pub fn impossible(self) -> Option<&'static str> {
        let slept = "this machine would have to sleep: `systemctl suspend` during `nearcall call` does it";
        (self == Case::Suspend).then_some(slept)
    }

    /// Why it cannot be done to relays of others.
    pub fn impossible_outside(self) -> Option<&'static str> {
        match self {
            Case::Kill | Case::Drain | Case::Token | Case::Rolling => Some("only who runs the relay can"),
            Case::RegionAdded => Some("only who lists the relays can"),
            Case::Flap => Some("needs two relays at one distance"),
            Case::Crowd => Some("would be a burden to the relays"),
            _ => self.impossible(),
        }
    }
}
