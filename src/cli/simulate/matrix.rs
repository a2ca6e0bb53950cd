//! Round trips between cities: two sets that were really measured, and whatever a file holds.
//!
//! `simulate` asks for a matrix by name; everything else reads it. Where the figures come from, and what was done to
//! them, is told in `assets/rtt/NOTICE`. Never: a choice among cities.

mod file;

pub use file::MatrixError;

/// A client in the city of a relay still crosses the city: what the same crate that holds the pings puts here, ms.
pub const SAME_CITY: Path = Path { mean_ms: 3.7, deviation_ms: 0.6, least_ms: 3.0 };
/// How a packed figure counts: tenths of a millisecond.
const UNIT_MS: f64 = 0.1;
const KM_EARTH_DIAMETER: f64 = 12_742.0;

/// Where a city lies, degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub latitude: f64,
    pub longitude: f64,
}

impl Place {
    /// Along the surface, km (haversine).
    pub fn km_to(self, other: Place) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let east = (other.longitude - self.longitude).to_radians();
        let h = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * (east / 2.0).sin().powi(2);
        KM_EARTH_DIAMETER * h.sqrt().clamp(0.0, 1.0).asin()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct City {
    pub name: String,
    /// `None` where a file does not say.
    pub place: Option<Place>,
}

/// What a round trip from one city to another is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    pub mean_ms: f64,
    /// Standard deviation.
    pub deviation_ms: f64,
    /// Shortest, not above the mean.
    pub least_ms: f64,
}

/// Every city with every other.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Its name, or the file's.
    pub name: String,
    /// Where the figures come from, in a sentence.
    pub source: String,
    pub cities: Vec<City>,
    /// Row by row; from the row's city to the column's.
    paths: Vec<Path>,
}

impl Matrix {
    /// `cities`, `aws`, or the path of a `.csv` or `.json` file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a matrix; the message says where and what to do.
    pub fn find(name: &str) -> Result<Self, MatrixError> {
        match name {
            "cities" => Ok(Self::cities()),
            "aws" => Ok(Self::aws()),
            _ => file::load(name),
        }
    }

    /// Servers in 212 cities that pinged each other for two days in July 2020.
    pub fn cities() -> Self {
        let source =
            "pings between servers in 212 cities, 19-20 July 2020 (WonderProxy, by way of the crate simulon 0.0.8)";
        Self::packed(
            "cities",
            source,
            include_str!("../../../assets/rtt/cities.csv"),
            include_bytes!("../../../assets/rtt/cities.bin"),
        )
    }

    /// 33 AWS regions, the year up to autumn 2026.
    pub fn aws() -> Self {
        let source = "p50 and p90 of a year between 33 AWS regions (cloudping.co, by way of the crate commonware-estimator 2026.10.0)";
        Self::packed(
            "aws",
            source,
            include_str!("../../../assets/rtt/aws.csv"),
            include_bytes!("../../../assets/rtt/aws.bin"),
        )
    }

    /// Of the packed form: names and places as text, and for each pair (b < a) mean, deviation and least.
    fn packed(name: &str, source: &str, cities: &str, pairs: &[u8]) -> Self {
        let cities: Vec<City> = cities.lines().skip(1).map(file::city).collect();
        let figure = |at: usize| f64::from(u16::from_le_bytes([pairs[at], pairs[at + 1]])) * UNIT_MS;
        let mut paths = vec![SAME_CITY; cities.len() * cities.len()];
        let mut at = 0;
        for a in 0..cities.len() {
            for b in 0..a {
                let path = Path { mean_ms: figure(at), deviation_ms: figure(at + 2), least_ms: figure(at + 4) };
                paths[a * cities.len() + b] = path;
                paths[b * cities.len() + a] = path;
                at += 6;
            }
        }
        Self { name: name.into(), source: source.into(), cities, paths }
    }

    pub fn len(&self) -> usize {
        self.cities.len()
    }

    pub fn path(&self, from: usize, to: usize) -> Path {
        self.paths[from * self.cities.len() + to]
    }

    /// Mean round trip, ms.
    pub fn rtt_ms(&self, from: usize, to: usize) -> f64 {
        self.path(from, to).mean_ms
    }

    /// Whether every city says where it lies.
    pub fn is_placed(&self) -> bool {
        self.cities.iter().all(|city| city.place.is_some())
    }

    /// `None` where one of them does not say where it lies.
    pub fn km(&self, from: usize, to: usize) -> Option<f64> {
        Some(self.cities[from].place?.km_to(self.cities[to].place?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(matrix: &Matrix, from: &str, to: &str) -> Path {
        let at = |name: &str| matrix.cities.iter().position(|city| city.name == name).unwrap();
        matrix.path(at(from), at(to))
    }

    #[test]
    fn the_packed_matrices_are_whole_symmetric_and_slower_than_light() {
        for (matrix, count) in [(Matrix::cities(), 212), (Matrix::aws(), 33)] {
            assert_eq!((matrix.len(), matrix.paths.len()), (count, count * count));
            assert!(matrix.is_placed());
            for a in 0..count {
                for b in 0..count {
                    let path = matrix.path(a, b);
                    assert_eq!(path, matrix.path(b, a));
                    assert!(
                        path.least_ms > 0.0 && path.least_ms <= path.mean_ms && path.deviation_ms > 0.0,
                        "{path:?}"
                    );
                    assert!(path.mean_ms < 1_000.0, "{path:?}");
                    // Light in glass makes 100 km of distance a millisecond of round trip; a place is good to 0.1 degrees.
                    let light_ms = matrix.km(a, b).unwrap() / 100.0;
                    let names = (&matrix.cities[a].name, &matrix.cities[b].name);
                    assert!(path.mean_ms > light_ms - 0.7, "{names:?}: {path:?}, light takes {light_ms:.1} ms");
                }
            }
        }
    }

    #[test]
    fn known_pairs_are_as_far_apart_as_everybody_knows() {
        for (matrix, from, to, range) in [
            (Matrix::cities(), "New York", "London", 68.0..80.0),
            (Matrix::cities(), "Frankfurt", "Amsterdam", 5.0..15.0),
            (Matrix::cities(), "Sydney", "London", 240.0..300.0),
            (Matrix::cities(), "Melbourne", "Auckland", 30.0..40.0),
            (Matrix::aws(), "us-east-1", "ap-southeast-1", 200.0..240.0),
            (Matrix::aws(), "eu-west-1", "eu-west-2", 8.0..15.0),
        ] {
            let mean_ms = between(&matrix, from, to).mean_ms;
            assert!(range.contains(&mean_ms), "{from} - {to}: {mean_ms}");
        }
    }

    #[test]
    fn distances_are_those_of_an_atlas() {
        let (paris, tokyo) = (Place { latitude: 48.9, longitude: 2.3 }, Place { latitude: 35.7, longitude: 139.7 });
        assert!((paris.km_to(tokyo) - 9_710.0).abs() < 50.0, "{}", paris.km_to(tokyo));
        assert_eq!(paris.km_to(paris), 0.0);
    }
}
