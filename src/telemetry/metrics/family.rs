//! A metric with labels whose values are known beforehand.

use std::marker::PhantomData;
use std::sync::Arc;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::{MetricType, TypedMetric};

use super::labels::Labels;

/// One metric for each combination of labels.
///
/// All of them exist from the start, with 0: an alert on a series that is not there never fires. And a series is
/// found by its place, without lock or hash, where the library's own family has both.
#[derive(Debug)]
pub(super) struct Family<L, M>(Arc<[M]>, PhantomData<L>);

impl<L: Labels, M> Family<L, M> {
    /// A family of metrics as `new` makes them.
    pub(super) fn new(new: impl Fn() -> M) -> Self {
        Self(L::combinations().map(|_| new()).collect(), PhantomData)
    }

    /// The metric with these labels.
    pub(super) fn with(&self, labels: L) -> &M {
        &self.0[labels.place()]
    }
}

impl<L: Labels, M: Default> Default for Family<L, M> {
    fn default() -> Self {
        Self::new(M::default)
    }
}

impl<L, M> Clone for Family<L, M> {
    /// The same family.
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<L: Labels, M: EncodeMetric + TypedMetric> EncodeMetric for Family<L, M> {
    fn encode(&self, mut encoder: MetricEncoder) -> std::fmt::Result {
        L::combinations()
            .zip(&*self.0)
            .try_for_each(|(labels, metric)| metric.encode(encoder.encode_family(&labels.pairs())?))
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}
