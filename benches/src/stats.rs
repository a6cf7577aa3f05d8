//! Many samples → median and spread. Nothing is averaged: one stray sample must not move a figure.

/// The middle of a sample and where four fifths of it lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Half of the samples are below.
    pub median: f64,
    /// A tenth of the samples is below.
    pub p10: f64,
    /// A tenth of the samples is above.
    pub p90: f64,
}

impl Spread {
    /// `None` for an empty sample.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self { median: quantile(&sorted, 0.5)?, p10: quantile(&sorted, 0.1)?, p90: quantile(&sorted, 0.9)? })
    }

    /// Of the ratios between two samples of the same round, so that what slows a whole round cancels out.
    pub fn of_ratios(samples: &[f64], base: &[f64]) -> Option<Self> {
        let ratios: Vec<f64> = samples.iter().zip(base).map(|(sample, base)| sample / base).collect();
        Self::of(&ratios)
    }
}

/// Linear between the two nearest samples.
fn quantile(sorted: &[f64], portion: f64) -> Option<f64> {
    let place = portion * sorted.len().checked_sub(1)? as f64;
    let below = sorted.get(place.floor() as usize)?;
    let above = sorted.get(place.ceil() as usize)?;
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_sample_lies_between_its_two_middles() {
        assert_eq!(Spread::of(&[4.0, 1.0, 3.0, 2.0]).unwrap().median, 2.5);
    }

    #[test]
    fn one_stray_sample_moves_no_figure() {
        let mut samples: Vec<f64> = (1..=11).map(f64::from).collect();
        samples[10] = 1e9;
        assert_eq!(Spread::of(&samples), Some(Spread { median: 6.0, p10: 2.0, p90: 10.0 }));
    }

    #[test]
    fn ratios_pair_samples_of_one_round() {
        let slow_round = [10.0, 100.0, 10.0];
        let base = [20.0, 200.0, 20.0];
        assert_eq!(Spread::of_ratios(&slow_round, &base), Some(Spread { median: 0.5, p10: 0.5, p90: 0.5 }));
    }

    #[test]
    fn an_empty_sample_has_no_spread() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of_ratios(&[1.0], &[]), None);
    }
}
