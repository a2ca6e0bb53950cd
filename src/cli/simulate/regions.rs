//! Where the relays stand, and who is best served by which.
//!
//! Pure. The models and the election are asked about the same [`World`].

use super::matrix::Matrix;

/// Cities with relays, and cities with clients.
#[derive(Debug, Clone)]
pub struct World<'a> {
    pub matrix: &'a Matrix,
    /// Cities that host a relay.
    pub regions: Vec<usize>,
    /// Cities that are asked about.
    pub clients: Vec<usize>,
}

impl<'a> World<'a> {
    /// `regions` relays, well spread, and about `clients` cities, evenly taken from all.
    pub fn new(matrix: &'a Matrix, regions: usize, clients: usize) -> Self {
        let count = matrix.len();
        let clients = clients.clamp(1, count);
        let clients = (0..clients).map(|n| n * count / clients).collect();
        Self { matrix, regions: spread(matrix, regions), clients }
    }

    /// Mean round trip from a city to a region (its place in `regions`), ms.
    pub fn rtt_ms(&self, city: usize, region: usize) -> f64 {
        self.matrix.rtt_ms(city, self.regions[region])
    }

    /// The region with the lowest figure.
    pub fn lowest(&self, figure: impl Fn(usize) -> f64) -> usize {
        let all = 0..self.regions.len();
        all.min_by(|&a, &b| figure(a).total_cmp(&figure(b))).unwrap_or_default()
    }

    /// The region with the shortest round trip.
    pub fn best(&self, city: usize) -> usize {
        self.lowest(|region| self.rtt_ms(city, region))
    }

    /// What a region costs a city beyond the best one, ms.
    pub fn regret_ms(&self, city: usize, region: usize) -> f64 {
        self.rtt_ms(city, region) - self.rtt_ms(city, self.best(city))
    }
}

/// Greedy k-median: each further city is the one that lowers the mean round trip of all cities to their best region
/// the most. What an operator would do who knew the matrix; the first on equal terms.
pub fn spread(matrix: &Matrix, count: usize) -> Vec<usize> {
    let all = 0..matrix.len();
    let mut nearest = vec![f64::INFINITY; matrix.len()];
    let mut chosen = Vec::new();
    while chosen.len() < count.min(matrix.len()) {
        let total = |city: usize| -> f64 { all.clone().map(|from| nearest[from].min(matrix.rtt_ms(from, city))).sum() };
        let free = all.clone().filter(|city| !chosen.contains(city));
        let Some(next) = free.min_by(|&a, &b| total(a).total_cmp(&total(b))) else { break };
        for from in all.clone() {
            nearest[from] = nearest[from].min(matrix.rtt_ms(from, next));
        }
        chosen.push(next);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_regions_are_different_cities_on_several_continents_and_more_of_them_serve_better() {
        let matrix = Matrix::cities();
        let mean = |count| {
            let world = World::new(&matrix, count, matrix.len());
            let best = |&city: &usize| world.rtt_ms(city, world.best(city));
            world.clients.iter().map(best).sum::<f64>() / world.clients.len() as f64
        };
        assert!(mean(2) > mean(8) && mean(8) > mean(32), "{} {} {}", mean(2), mean(8), mean(32));
        let regions = spread(&matrix, 8);
        let far = |a: usize, b: usize| matrix.km(a, b).unwrap() > 5_000.0;
        assert!(regions.iter().filter(|&&a| far(regions[0], a)).count() >= 3, "{regions:?}");
        assert_eq!(spread(&matrix, 16)[..8], regions[..]);
    }

    #[test]
    fn clients_are_taken_evenly_and_never_more_than_there_are() {
        let matrix = Matrix::aws();
        assert_eq!(World::new(&matrix, 2, 3).clients, [0, 11, 22]);
        assert_eq!(World::new(&matrix, 2, 1_000).clients.len(), 33);
    }
}
