//! How the others choose: by the map, by the resolver, by routing, by a front door. Models, with their sources.
//!
//! Pure. Each gives every client's choices with their probabilities as weights. What a figure is taken from stands by
//! it; what is our own assumption is called so, and errs in the model's favour. Never: the election (`ours`).

use super::figures::Choice;
use super::regions::{World, spread};
use crate::sim::Rng;

/// The region that lies nearest on the map, the client's place known exactly. `None` without places.
pub fn geography(world: &World) -> Option<Vec<Choice>> {
    world.matrix.is_placed().then(|| {
        let km = |city: usize, region: usize| world.matrix.km(city, world.regions[region]).unwrap_or(f64::MAX);
        let choice = |&city: &usize| Choice::new(world.regret_ms(city, world.lowest(|region| km(city, region))), 1.0);
        world.clients.iter().map(choice).collect()
    })
}

/// A latency record of a DNS provider: the region that was fastest from the client's resolver when it was measured.
#[derive(Debug, Clone, Copy)]
pub struct Dns {
    /// Of 50 clients: the resolver is in the client's city.
    pub here: u32,
    /// Of 50 clients: in one of the [`NEAREST`] cities.
    pub near: u32,
    /// Of 50 clients: a public resolver that does not say who asks.
    pub public: u32,
    /// How old the measurement is, minutes.
    pub age_minutes: f64,
}

impl Default for Dns {
    /// Half of the clients are within 162 miles of their resolver; 8 % use public ones (Chen, Sitaraman, Torres, "End-User
    /// Mapping", SIGCOMM 2015). The rest, and the age, are our assumption.
    fn default() -> Self {
        Self { here: 25, near: 21, public: 4, age_minutes: 5.0 }
    }
}

/// Round trip to a public resolver: the median of 1,028 miles of the same paper, at twice the time of light in fibre
/// (the median of the pings here), ms.
pub const PUBLIC_RESOLVER_MS: f64 = 34.0;
/// A measurement is off by the path's deviation x sqrt(age / this), at most by the deviation: our assumption.
const DRIFT_MINUTES: f64 = 60.0;
/// Of so many cities that are nearest by round trip, each is as likely.
pub const NEAREST: u32 = 3;
/// Draws of that error for each client and resolver.
const DRAWS: usize = 16;

impl Dns {
    /// Where the resolvers of a client stand, and how many of 50 such clients use each.
    pub fn resolvers(&self, world: &World, client: usize) -> Vec<(usize, u32)> {
        let mut others: Vec<usize> = (0..world.matrix.len()).filter(|&city| city != client).collect();
        let rtt_ms = |city: usize| world.matrix.rtt_ms(client, city);
        others.sort_by(|&a, &b| rtt_ms(a).total_cmp(&rtt_ms(b)));
        let off_ms = |city: usize| (rtt_ms(city) - PUBLIC_RESOLVER_MS).abs();
        let public = others.iter().copied().min_by(|&a, &b| off_ms(a).total_cmp(&off_ms(b)));
        let near = others.iter().take(NEAREST as usize).map(|&city| (city, self.near / NEAREST));
        let all = [(client, self.here)].into_iter().chain(near).chain(public.map(|city| (city, self.public)));
        all.filter(|(_, count)| *count > 0).collect()
    }

    pub fn choices(&self, world: &World, rng: &mut Rng) -> Vec<Choice> {
        let mut choices = Vec::new();
        let drift = (self.age_minutes / DRIFT_MINUTES).sqrt().min(1.0);
        for &client in &world.clients {
            for (resolver, count) in self.resolvers(world, client) {
                for _ in 0..DRAWS {
                    let measured: Vec<f64> = world
                        .regions
                        .iter()
                        .map(|&region| {
                            let path = world.matrix.path(resolver, region);
                            (path.mean_ms + rng.normal() * path.deviation_ms * drift).max(path.least_ms)
                        })
                        .collect();
                    let chosen = world.lowest(|region| measured[region]);
                    choices.push(Choice::new(world.regret_ms(client, chosen), f64::from(count)));
                }
            }
        }
        choices
    }

    /// What a look-up takes that nobody has cached: to the resolver, and from there to the nearest region, where the
    /// provider answers, ms. One figure for each of 50 clients a city.
    pub fn look_ups_ms(&self, world: &World) -> Vec<f64> {
        let mut times = Vec::new();
        for &client in &world.clients {
            for (resolver, count) in self.resolvers(world, client) {
                let answer = world.rtt_ms(resolver, world.best(resolver));
                times.extend((0..count).map(|_| world.matrix.rtt_ms(client, resolver) + answer));
            }
        }
        times
    }
}

/// Share of clients whom routing leads to the best site, and how far the others are led astray: a tenth by 25 ms or more,
/// a tenth by 100 ms or more (Calder, Flavel, Katz-Bassett, Mahajan, Padhye, "Analyzing the Performance of an Anycast
/// CDN", IMC 2015: about 20 % not at the best site, 20 % by 25 ms, just under 10 % by 100 ms).
pub const CATCHMENT: [(f64, f64); 3] = [(0.8, 0.0), (0.1, 25.0), (0.1, 100.0)];

/// Where routing takes a client, and how probably: the nearest site that is as far off as the paper says, or else the
/// farthest there is.
pub fn catchment(rtts_ms: &[f64]) -> Vec<(usize, f64)> {
    let mut order: Vec<usize> = (0..rtts_ms.len()).collect();
    order.sort_by(|&a, &b| rtts_ms[a].total_cmp(&rtts_ms[b]));
    let (Some(&best), Some(&worst)) = (order.first(), order.last()) else { return Vec::new() };
    let site = |least: f64| order.iter().copied().find(|&site| rtts_ms[site] - rtts_ms[best] >= least).unwrap_or(worst);
    CATCHMENT.iter().map(|&(share, least)| (site(least), share)).collect()
}

/// One address, announced by every region.
pub fn anycast(world: &World) -> Vec<Choice> {
    let of = |&client: &usize| {
        let rtts: Vec<f64> = (0..world.regions.len()).map(|region| world.rtt_ms(client, region)).collect();
        catchment(&rtts).into_iter().map(move |(region, share)| Choice::new(world.regret_ms(client, region), share))
    };
    world.clients.iter().flat_map(of).collect()
}

/// A large provider's edges: our assumption.
pub const EDGES: usize = 32;
/// What a proxy adds in its own region (Arcjet, "Minimizing latency for humans & machines": 2-3 ms), ms.
pub const PROXY_MS: f64 = 2.5;

/// The provider's own front door: an anycast address leads to an edge, whose proxy passes on to the region that is
/// nearest to the edge. A detour that is faster than the direct path counts as less than nothing.
pub fn front_door(world: &World) -> Vec<Choice> {
    let edges = spread(world.matrix, EDGES.max(world.regions.len()));
    let through = |client: usize, edge: usize| {
        let region = world.regions[world.best(edge)];
        // A proxy next door: the article's figure holds the way to it.
        let onward = if region == edge { 0.0 } else { world.matrix.rtt_ms(edge, region) };
        world.matrix.rtt_ms(client, edge) + PROXY_MS + onward
    };
    let of = |&client: &usize| {
        let edges = &edges;
        let rtts: Vec<f64> = edges.iter().map(|&edge| world.matrix.rtt_ms(client, edge)).collect();
        let direct = world.rtt_ms(client, world.best(client));
        catchment(&rtts).into_iter().map(move |(edge, share)| Choice::new(through(client, edges[edge]) - direct, share))
    };
    world.clients.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::super::figures::Accuracy;
    use super::super::matrix::Matrix;
    use super::*;

    #[test]
    fn a_fresh_record_for_a_resolver_at_the_client_is_perfect_and_everything_else_costs() {
        let matrix = Matrix::cities();
        let world = World::new(&matrix, 8, matrix.len());
        let of = |dns: Dns| Accuracy::of(&dns.choices(&world, &mut Rng::new(1))).unwrap();
        let perfect = of(Dns { here: 50, near: 0, public: 0, age_minutes: 0.0 });
        assert_eq!((perfect.within_1_ms, perfect.mean_regret_ms), (1.0, 0.0));
        let old = of(Dns { here: 50, near: 0, public: 0, age_minutes: 60.0 });
        let away = of(Dns { here: 0, near: 0, public: 50, age_minutes: 0.0 });
        let usual = of(Dns::default());
        assert!(old.mean_regret_ms > 0.0 && old.within_1_ms < 1.0, "{old:?}");
        assert!(away.mean_regret_ms > usual.mean_regret_ms && usual.mean_regret_ms > 0.0, "{away:?} {usual:?}");
    }

    #[test]
    fn routing_leads_a_fifth_astray_and_half_of_them_far() {
        assert_eq!(catchment(&[80.0, 20.0, 50.0, 140.0]), [(1, 0.8), (2, 0.1), (3, 0.1)]);
        assert_eq!(catchment(&[20.0, 21.0]), [(0, 0.8), (1, 0.1), (1, 0.1)], "as far as there is");
        assert_eq!(catchment(&[20.0]), [(0, 0.8), (0, 0.1), (0, 0.1)]);
        assert_eq!(catchment(&[]), []);
    }

    #[test]
    fn no_regret_is_negative_but_that_of_a_detour() {
        let matrix = Matrix::cities();
        let world = World::new(&matrix, 8, 60);
        let mut all = geography(&world).unwrap();
        all.extend(Dns::default().choices(&world, &mut Rng::new(2)));
        all.extend(anycast(&world));
        assert!(all.iter().all(|choice| choice.regret_ms >= 0.0 && choice.weight > 0.0));
        let own_door: Vec<_> = front_door(&world);
        assert_eq!(own_door.len(), 3 * world.clients.len());
        assert!(own_door.iter().any(|choice| choice.regret_ms > PROXY_MS));
    }

    #[test]
    fn the_map_is_wrong_for_about_as_many_as_was_published() {
        let matrix = Matrix::cities();
        let world = World::new(&matrix, 8, matrix.len());
        let wrong = 1.0 - Accuracy::of(&geography(&world).unwrap()).unwrap().within_1_ms;
        assert!((0.05..0.35).contains(&wrong), "{wrong}");
    }
}
