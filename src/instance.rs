//! One window a user: a second start hands its link to the one that runs.
