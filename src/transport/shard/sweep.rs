//! A round of all seats, some of them at a time.

/// A round of all seats, for what is decreed to all: some of them in each round of the loop. One that is asked for while
/// another is under way goes on where that is, once around: however fast decrees come, nobody waits for his turn longer
/// than one round of all takes, and nothing of it grows.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    at: usize,
    left: usize,
    /// How many seats there were when it was last looked at.
    seats: usize,
}

impl Sweep {
    /// All of so many `seats` are to be served from now on.
    pub(super) const fn begin(&mut self, seats: usize) {
        (self.left, self.seats) = (seats, seats);
    }

    /// The next of so many `seats`, if any is left.
    pub(super) const fn next(&mut self, seats: usize) -> Option<usize> {
        if self.left == 0 || seats == 0 {
            return None;
        }
        // Those that were added lie before those that it comes to once around.
        self.left += seats.saturating_sub(self.seats);
        self.seats = seats;
        self.left -= 1;
        let number = if self.at < seats { self.at } else { 0 };
        self.at = number + 1;
        Some(number)
    }

    pub(super) const fn is_over(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_all_comes_to_each_once_and_to_each_again_from_where_it_was_when_it_is_said_again()
     {
        let mut sweep = Sweep::default();
        assert!(sweep.is_over());
        assert_eq!(sweep.next(4), None);
        sweep.begin(4);
        let first: Vec<_> = (0..2).filter_map(|_| sweep.next(4)).collect();
        assert_eq!(first, [0, 1]);
        sweep.begin(4);
        let rest: Vec<_> = std::iter::from_fn(|| sweep.next(4)).collect();
        assert_eq!(rest, [2, 3, 0, 1]);
        assert!(sweep.is_over());
        // Seats that are added meanwhile take nobody's turn.
        sweep.begin(4);
        let grown: Vec<_> = std::iter::from_fn(|| sweep.next(6)).collect();
        assert_eq!(grown, [2, 3, 4, 5, 0, 1]);
    }
}
