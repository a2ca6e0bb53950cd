//! What is yet to happen, in order of time; at one moment, in the order in which it was planned.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::Time;

/// Events with their moments. The clock of a world jumps from one to the next.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Time,
    order: u64,
    event: E,
}

impl<E> Queue<E> {
    /// An empty queue.
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), planned: 0 }
    }

    /// Plans an event.
    pub fn push(&mut self, at: Time, event: E) {
        self.planned += 1;
        self.heap.push(Reverse(Entry { at, order: self.planned, event }));
    }

    /// The next event that is not after `end`, and its moment.
    pub fn pop_until(&mut self, end: Time) -> Option<(Time, E)> {
        if self.heap.peek().is_none_or(|Reverse(next)| next.at > end) {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }

    /// Events that are planned.
    pub fn len(&self) -> usize {
        self.heap.len()
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at).then(self.order.cmp(&other.order))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_come_in_order_of_time_and_then_of_planning() {
        let ms = Duration::from_millis;
        let mut queue = Queue::new();
        for (at, name) in [(20, "c"), (10, "a"), (10, "b"), (30, "d")] {
            queue.push(ms(at), name);
        }
        let mut order = Vec::new();
        while let Some(next) = queue.pop_until(ms(29)) {
            order.push(next);
        }
        assert_eq!(order, [(ms(10), "a"), (ms(10), "b"), (ms(20), "c")]);
        assert_eq!(queue.len(), 1);
    }
}
