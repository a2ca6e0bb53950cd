//! A matrix of one's own: a CSV or JSON file of mean round trips.
//!
//! Everything in it comes from outside: sizes are bounded and a figure that makes no sense is named with its place.

use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;

use super::{City, Matrix, Path, Place, SAME_CITY};

/// Cities at most; more would take minutes and tell nothing new.
const MOST_CITIES: usize = 512;
/// Fewer leave nothing to choose.
const LEAST_CITIES: usize = 3;
/// Bytes.
const MOST_BYTES: u64 = 16 << 20;
/// No path on this planet takes longer, ms.
const MOST_MS: f64 = 5_000.0;
/// A file gives means alone. This share of the mean is the median deviation among `cities`.
const DEVIATION: f64 = 0.03;

const SHAPE: &str = "a CSV file begins with a row `,A,B,C` and goes on with `A,0,12.5,80`; a JSON file is \
                     {\"cities\": [{\"name\": \"A\", \"latitude\": 50.1, \"longitude\": 8.7}], \"rtt_ms\": [[0, 12.5]]}";

/// Why there is no matrix.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    #[error("{name}: no matrix of this name; give cities, aws, or a file that ends in .csv or .json")]
    Unknown { name: String },
    #[error("{name}: {error}")]
    Unreadable { name: String, error: std::io::Error },
    #[error("{name}: {problem}; {SHAPE}")]
    Malformed { name: String, problem: String },
}

#[derive(Deserialize)]
struct File {
    cities: Vec<FileCity>,
    rtt_ms: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct FileCity {
    name: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
}

/// Reads a file of either kind.
pub(super) fn load(name: &str) -> Result<Matrix, MatrixError> {
    let kind = name.rsplit_once('.').map(|(_, kind)| kind.to_ascii_lowercase());
    let parse = match kind.as_deref() {
        Some("csv") => csv,
        Some("json") => json,
        _ => return Err(MatrixError::Unknown { name: name.into() }),
    };
    let unreadable = |error| MatrixError::Unreadable { name: name.into(), error };
    let malformed = |problem| MatrixError::Malformed { name: name.into(), problem };
    if fs::metadata(name).map_err(unreadable)?.len() > MOST_BYTES {
        return Err(malformed(format!("more than {} MB", MOST_BYTES >> 20)));
    }
    let text = fs::read_to_string(name).map_err(unreadable)?;
    let (cities, rtt_ms) = parse(&text).map_err(malformed)?;
    let paths = paths(&cities, &rtt_ms).map_err(malformed)?;
    Ok(Matrix { name: name.into(), source: format!("mean round trips from {name}"), cities, paths })
}

/// `name,country,latitude,longitude` of the packed sets; what does not parse has no place.
pub(super) fn city(line: &str) -> City {
    let mut fields = line.split(',');
    let name = fields.next().unwrap_or_default().to_owned();
    let degrees: Vec<f64> = fields.skip(1).filter_map(|field| field.parse().ok()).collect();
    let place = match degrees[..] {
        [latitude, longitude] => Some(Place { latitude, longitude }),
        _ => None,
    };
    City { name, place }
}

type Parsed = (Vec<City>, Vec<Vec<f64>>);

fn csv(text: &str) -> Result<Parsed, String> {
    let fields =
        |line: &str| -> Vec<String> { line.split(',').map(|field| field.trim().trim_matches('"').into()).collect() };
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let names: Vec<String> = fields(lines.next().ok_or("the file is empty")?).into_iter().skip(1).collect();
    let mut rows = Vec::new();
    for (n, line) in lines.enumerate() {
        let cells = fields(line);
        let expected = names.get(n).ok_or_else(|| format!("there are more rows than the {} columns", names.len()))?;
        if cells[0] != *expected {
            return Err(format!(
                "row {} is called {:?} and column {} {expected:?}; rows and columns come in one order",
                n + 1,
                cells[0],
                n + 1
            ));
        }
        let number = |(column, cell): (usize, &String)| match cell.as_str() {
            "" if column == n => Ok(0.0),
            cell => cell
                .parse()
                .map_err(|_| format!("row {expected:?}, column {}: {cell:?} is no number of ms", column + 1)),
        };
        rows.push(cells[1..].iter().enumerate().map(number).collect::<Result<Vec<f64>, String>>()?);
    }
    Ok((names.into_iter().map(|name| City { name, place: None }).collect(), rows))
}

fn json(text: &str) -> Result<Parsed, String> {
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut cities = Vec::new();
    for FileCity { name, latitude, longitude } in file.cities {
        let place = match (latitude, longitude) {
            (Some(latitude), Some(longitude)) if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 => {
                Some(Place { latitude, longitude })
            }
            (None, None) => None,
            _ => return Err(format!("{name:?}: a place is a latitude of -90 to 90 and a longitude of -180 to 180")),
        };
        cities.push(City { name, place });
    }
    Ok((cities, file.rtt_ms))
}

/// Checks the figures and adds what a file does not say.
fn paths(cities: &[City], rtt_ms: &[Vec<f64>]) -> Result<Vec<Path>, String> {
    let count = cities.len();
    if !(LEAST_CITIES..=MOST_CITIES).contains(&count) {
        return Err(format!("{count} cities; {LEAST_CITIES} to {MOST_CITIES} make a matrix"));
    }
    if cities.iter().map(|city| &city.name).collect::<BTreeSet<_>>().len() < count {
        return Err("two cities have one name".into());
    }
    if rtt_ms.len() != count {
        return Err(format!("{} rows for {count} cities", rtt_ms.len()));
    }
    let mut paths = Vec::with_capacity(count * count);
    for (a, row) in rtt_ms.iter().enumerate() {
        if row.len() != count {
            return Err(format!("row {:?} has {} figures for {count} cities", cities[a].name, row.len()));
        }
        for (b, &mean_ms) in row.iter().enumerate() {
            if a == b {
                paths.push(SAME_CITY);
                continue;
            }
            if !(mean_ms > 0.0 && mean_ms <= MOST_MS) {
                let (a, b) = (&cities[a].name, &cities[b].name);
                return Err(format!(
                    "{a:?} to {b:?}: {mean_ms} is no round trip; more than 0 and up to {MOST_MS} ms is"
                ));
            }
            let deviation_ms = mean_ms * DEVIATION;
            paths.push(Path { mean_ms, deviation_ms, least_ms: mean_ms - deviation_ms });
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Matrix, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        load(path.to_str().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_csv_and_a_json_file_hold_the_same_matrix() {
        let csv = read("a.csv", ",A,B,C\nA,,10,200\nB,12,0,90\n\"C\",200,90,0\n").unwrap();
        let json = r#"{"cities": [{"name": "A"}, {"name": "B", "latitude": 1, "longitude": 2}, {"name": "C"}],
                       "rtt_ms": [[0, 10, 200], [12, 0, 90], [200, 90, 0]]}"#;
        let json = read("a.json", json).unwrap();
        assert_eq!(csv.paths, json.paths);
        assert_eq!((csv.rtt_ms(0, 1), csv.rtt_ms(1, 0)), (10.0, 12.0));
        assert!(!csv.is_placed() && csv.km(0, 1).is_none());
        assert_eq!(json.cities[1].place, Some(Place { latitude: 1.0, longitude: 2.0 }));
    }

    #[test]
    fn a_bad_file_is_refused_with_what_is_wrong_and_what_to_do() {
        for (name, text, says) in [
            ("a.csv", "", "the file is empty"),
            ("a.csv", ",A,B\nA,0,1\nB,1,0\n", "2 cities; 3 to 512"),
            ("a.csv", ",A,B,C\nA,0,1,2\nB,1,0,3\n", "2 rows for 3 cities"),
            ("a.csv", ",A,B,C\nA,0,1,2\nC,1,0,3\n", "rows and columns come in one order"),
            ("a.csv", ",A,B,C\nA,0,1\nB,1,0,3\nC,1,3,0\n", "has 2 figures for 3 cities"),
            ("a.csv", ",A,B,C\nA,0,x,2\nB,1,0,3\nC,1,3,0\n", "\"x\" is no number"),
            ("a.csv", ",A,B,C\nA,0,-4,2\nB,1,0,3\nC,1,3,0\n", "-4 is no round trip"),
            ("a.csv", ",A,B,C\nA,0,NaN,2\nB,1,0,3\nC,1,3,0\n", "NaN is no round trip"),
            ("a.csv", ",A,A,C\nA,0,1,2\nA,1,0,3\nC,2,3,0\n", "two cities have one name"),
            ("a.csv", ",A,B,C\nA,0,1,2\nB,1,0,3\nC,2,3,0\nD,1,1,1\n", "more rows"),
            ("a.json", "{}", "missing field"),
            ("a.json", r#"{"cities": [{"name": "A", "latitude": 91, "longitude": 0}], "rtt_ms": []}"#, "latitude"),
            ("a.txt", "", "cities, aws, or a file"),
        ] {
            let error = read(name, text).unwrap_err();
            assert!(error.contains(says), "{says:?} is not in {error:?}");
            assert!(name == "a.txt" || error.contains("a CSV file begins with"), "{error}");
        }
        assert!(load("/nowhere/a.csv").unwrap_err().to_string().contains("/nowhere/a.csv"));
    }
}
