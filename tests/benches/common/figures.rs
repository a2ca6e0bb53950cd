//! What many figures come to. Taken in by the benches, and by the tests.

/// The value that a share of them, 0-1, does not exceed; with 0.5 the median. What is not a number does not count.
pub fn quantile(values: impl IntoIterator<Item = f64>, share: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(((values.len() as f64 - 1.0).max(0.0) * share).round() as usize).copied()
}
