//! One word for how good a path is.

use eframe::egui::Color32;

use crate::ui::icons;
use crate::ui::theme::Palette;

/// How good a path is. Ordered from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// Nobody notices it.
    Good,
    /// Noticed by those who listen for it.
    Fair,
    /// In the way.
    Poor,
    /// Nothing came back.
    NoAnswer,
}

impl Quality {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Poor => "poor",
            Self::NoAnswer => "no answer",
        }
    }

    /// The shape for it: disc with a check mark, triangle, diamond, disc with a cross.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Good => icons::GOOD,
            Self::Fair => icons::FAIR,
            Self::Poor => icons::POOR,
            Self::NoAnswer => icons::DOWN,
        }
    }

    /// The colour for it.
    #[must_use]
    pub fn colour(self, colours: &Palette) -> Color32 {
        match self {
            Self::Good => colours.good,
            Self::Fair => colours.fair,
            Self::Poor => colours.poor,
            Self::NoAnswer => colours.down,
        }
    }
}

/// The worst of what the figures say; `loss` is a share, 0..=1. Without a mean there was no answer; a missing jitter or
/// loss says nothing. The bounds of the delay follow ITU-T G.114, those of jitter and loss common practice.
#[must_use]
pub fn quality(mean_ms: Option<f64>, jitter_ms: Option<f64>, loss: Option<f64>) -> Quality {
    let graded = |value: f64, good: f64, fair: f64| {
        if value <= good {
            Quality::Good
        } else if value <= fair {
            Quality::Fair
        } else {
            Quality::Poor
        }
    };
    let Some(mean_ms) = mean_ms.filter(|mean| mean.is_finite()) else {
        return Quality::NoAnswer;
    };
    if loss.is_some_and(|loss| loss >= 1.0) {
        return Quality::NoAnswer;
    }
    let jitter = jitter_ms.map_or(Quality::Good, |jitter| graded(jitter, 10.0, 30.0));
    let loss = loss.map_or(Quality::Good, |loss| graded(loss, 0.005, 0.03));
    graded(mean_ms, 150.0, 300.0).max(jitter).max(loss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_figure_speaks() {
        let cases = [
            (Some(23.0), Some(2.0), Some(0.0), Quality::Good),
            (Some(23.0), None, None, Quality::Good),
            (Some(151.0), Some(2.0), Some(0.0), Quality::Fair),
            (Some(23.0), Some(11.0), Some(0.0), Quality::Fair),
            (Some(23.0), Some(2.0), Some(0.01), Quality::Fair),
            (Some(301.0), Some(2.0), Some(0.0), Quality::Poor),
            (Some(23.0), Some(31.0), Some(0.0), Quality::Poor),
            (Some(23.0), Some(2.0), Some(0.2), Quality::Poor),
            (Some(23.0), Some(2.0), Some(1.0), Quality::NoAnswer),
            (None, None, Some(1.0), Quality::NoAnswer),
            (Some(f64::NAN), None, None, Quality::NoAnswer),
        ];
        for (mean, jitter, loss, wanted) in cases {
            assert_eq!(quality(mean, jitter, loss), wanted, "{mean:?} {jitter:?} {loss:?}");
        }
    }

    #[test]
    fn every_quality_has_its_own_word_shape_and_colour() {
        let all = [Quality::Good, Quality::Fair, Quality::Poor, Quality::NoAnswer];
        let colours = Palette::of(crate::ui::theme::Scheme::Dark);
        for one in all {
            for other in all.into_iter().filter(|other| *other != one) {
                assert_ne!(one.word(), other.word());
                assert_ne!(one.icon(), other.icon());
                assert_ne!(one.colour(colours), other.colour(colours));
            }
        }
    }
}
