//! The table for people.

use std::fmt::{self, Display, Formatter};

use super::{Clients, Deliveries, Published, Quantiles, Report, Served, ServerCost, Tool, sum};
use crate::cli::bench::tally::Reasons;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "server      {}, {}", self.server, self.transport)?;
        write!(f, "\n{}", self.clients)?;
        if let Some(published) = &self.published {
            write!(f, "\n{published}")?;
        }
        if let Some(deliveries) = &self.deliveries {
            write!(f, "\n{deliveries}")?;
        }
        if let Some(served) = &self.served {
            write!(f, "\n{served}")?;
        }
        match &self.cost {
            Some(cost) => write!(f, "\n{cost}")?,
            None => write!(
                f,
                "\nserver      its costs are not known: --pid PID, or a credential that may read /metrics"
            )?,
        }
        write!(f, "\n{}", self.tool)
    }
}

impl Display for Clients {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            asked,
            connected,
            seconds,
            ..
        } = self;
        write!(
            f,
            "clients     {connected} of {asked} connected in {seconds:.2} s, "
        )?;
        write!(f, "{}", Counted(&self.refused, "refused"))?;
        if !self.ended.is_empty() {
            write!(f, ", {}", Counted(&self.ended, "ended early"))?;
        }
        write!(f, "\nopening     {}", self.opening_us)
    }
}

impl Display for Published {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "published   {}", self.events)?;
        if let (Some(per_second), Some(asked)) = (self.per_second, self.asked_per_second) {
            write!(f, ", {per_second:.1} of {asked:.1} a second")?;
        }
        if !self.refused.is_empty() {
            write!(f, ", {}", Counted(&self.refused, "refused"))?;
        }
        if self.in_doubt > 0 {
            write!(f, ", {} in doubt", self.in_doubt)?;
        }
        write!(f, "\nanswered    {}", self.answer_us)
    }
}

impl Display for Deliveries {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            expected,
            delivered,
            missing,
            duplicates,
            out_of_order,
            gaps,
            per_second,
            ..
        } = self;
        write!(
            f,
            "delivered   {delivered} of {expected}: {missing} missing, {duplicates} twice, {out_of_order} out of order, \
             {gaps} gaps told; {per_second:.0} a second\nlatency     {}",
            self.latency_us
        )
    }
}

impl Display for Served {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            clients,
            events_each,
            us,
        } = self;
        write!(
            f,
            "served      {clients} clients with {events_each} events each, after {us}"
        )
    }
}

impl Display for ServerCost {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "processor   {:.2} s", self.cpu_seconds)?;
        if let Some(each) = self.cpu_us_per_delivery {
            write!(f, ", {each:.2} µs a delivery")?;
        }
        write!(
            f,
            "; {:.0} µs to connect a client",
            self.connecting_cpu_us_per_client
        )?;
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        write!(
            f,
            "\nmemory      {:.1} MiB before, {:.1} MiB with all connected, {:.1} MiB at the end; {:.2} KiB a client",
            mebibytes(self.resident_bytes_before),
            mebibytes(self.resident_bytes_connected),
            mebibytes(self.resident_bytes_after),
            self.resident_bytes_per_client as f64 / 1024.0
        )
    }
}

impl Display for Tool {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let busy = self.busiest_thread * 100.0;
        write!(f, "this tool   {:.2} s of processor time", self.cpu_seconds)?;
        if let Some(each) = self.cpu_us_per_delivery {
            write!(f, ", {each:.2} µs a delivery")?;
        }
        write!(
            f,
            "; its busiest thread was busy for {busy:.0} % of the time"
        )?;
        if self.was_the_limit {
            write!(
                f,
                "\nwarning     the load tool itself was the limit: what is measured is the tool; try --threads"
            )?;
        }
        Ok(())
    }
}

impl Display for Quantiles {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let named = [
            ("p50", self.p50),
            ("p90", self.p90),
            ("p99", self.p99),
            ("p99.9", self.p99_9),
            ("max", self.max),
        ];
        for (at, (name, micros)) in named.into_iter().enumerate() {
            let gap = if at == 0 { "" } else { "  " };
            match micros {
                Some(micros) => write!(f, "{gap}{name} {:.2} ms", micros as f64 / 1000.0)?,
                None => write!(f, "{gap}{name} -")?,
            }
        }
        Ok(())
    }
}

/// How many, and why.
struct Counted<'a>(&'a Reasons, &'static str);

impl Display for Counted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(reasons, what) = self;
        write!(f, "{} {what}", sum(reasons))?;
        for (at, (reason, count)) in reasons.iter().enumerate() {
            let before = if at == 0 { " (" } else { ", " };
            write!(f, "{before}{count} {reason}")?;
        }
        if reasons.is_empty() {
            Ok(())
        } else {
            f.write_str(")")
        }
    }
}
