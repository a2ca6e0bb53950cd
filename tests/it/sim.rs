//! The election in virtual time: a test a rule, invariants that hold in any weather, nights of it, and the bars.
//!
//! `NEARCALL_SEEDS` says how many nights and failovers are run; without it as many as fit into some seconds.

mod bars;
mod fronts;
mod healing;
mod invariants;
mod moving;
mod night;
mod racing;
mod stage;
mod standing;
mod steps;
mod wishing;
