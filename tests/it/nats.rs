//! Relays of two regions over NATS clusters and gateways, as `packaging/nats` sets them up, and everything that can fail failing:
//! calls within a region go on, calls across come back within 5 s, and everybody is listed as what they are.
//!
//! `servers` runs nats-server, `wire` is what lies between the regions, `world` has relays and people.

mod faults;
mod servers;
mod wire;
mod world;
