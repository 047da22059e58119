//! Which of many cases a test tries: all of them by one command, a spread sample otherwise.

/// Whether tests that can try every case do so: `FLUX_OPERATOR_TEST_EVERY=1`.
pub fn every() -> bool {
    std::env::var_os("FLUX_OPERATOR_TEST_EVERY").is_some_and(|value| value == "1")
}

/// The cases to try of `count`, numbered from 1: all of them, or about `sample` that are spread evenly
/// and have the first and the last.
pub fn spread(count: usize, sample: usize) -> Vec<usize> {
    if every() || count <= sample {
        return (1..=count).collect();
    }
    (0..sample).map(|nth| 1 + nth * (count - 1) / (sample - 1).max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_both_ends() {
        if every() {
            return;
        }
        assert_eq!(spread(3, 4), [1, 2, 3]);
        assert_eq!(spread(100, 4), [1, 34, 67, 100]);
        assert_eq!(spread(100, 1), [1]);
        assert!(spread(0, 4).is_empty());
    }
}
