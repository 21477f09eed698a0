//! Partial sorting as the C++ library of libtorrent's builds does it.

/// Puts the `nth` smallest in its place, smaller ones before it and larger ones behind, in the
/// order libstdc++ leaves them in (`bits/stl_algo.h`, `__introselect`), so that equals stand where
/// the client has them. Does nothing if there are no more than `nth`.
///
/// Where it is wrong: the library turns to a heap if it does not come forward; a list of
/// neighbours is too short for that to matter.
pub(super) fn nth_element<T: Copy>(items: &mut [T], nth: usize, less: impl Fn(&T, &T) -> bool) {
    let (mut first, mut last) = (0, items.len());
    if nth >= last {
        return;
    }
    while last - first > 3 {
        let cut = partition(&mut items[first..last], &less) + first;
        if cut <= nth {
            first = cut;
        } else {
            last = cut;
        }
    }
    insertion_sort(&mut items[first..last], &less);
}

fn partition<T: Copy>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) -> usize {
    let n = items.len();
    let median = median(items, [1, n / 2, n - 1], less);
    items.swap(0, median);
    let pivot = items[0];
    let (mut low, mut high) = (1, n);
    loop {
        while less(&items[low], &pivot) {
            low += 1;
        }
        high -= 1;
        while less(&pivot, &items[high]) {
            high -= 1;
        }
        if low >= high {
            return low;
        }
        items.swap(low, high);
        low += 1;
    }
}

fn median<T>(items: &[T], [a, b, c]: [usize; 3], less: &impl Fn(&T, &T) -> bool) -> usize {
    let less = |x: usize, y: usize| less(&items[x], &items[y]);
    if less(a, b) {
        if less(b, c) {
            b
        } else if less(a, c) {
            c
        } else {
            a
        }
    } else if less(a, c) {
        a
    } else if less(b, c) {
        c
    } else {
        b
    }
}

fn insertion_sort<T: Copy>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) {
    for i in 1..items.len() {
        let item = items[i];
        let mut at = i;
        while at > 0 && less(&item, &items[at - 1]) {
            items[at] = items[at - 1];
            at -= 1;
        }
        items[at] = item;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &[u32], order: &[usize]) {
        let mut items: Vec<(u32, usize)> = keys.iter().copied().zip(0..).collect();
        nth_element(&mut items, 4, |a, b| a.0 < b.0);
        let places: Vec<usize> = items.iter().map(|item| item.1).collect();
        assert_eq!(places, order, "{keys:?}");
    }

    /// As `std::nth_element` of GCC 12 leaves them, with the fifth in its place.
    #[test]
    fn equals_stand_where_the_library_leaves_them() {
        check(&[2, 1, 3], &[0, 1, 2]);
        check(&[4, 1, 3, 4, 0], &[1, 4, 2, 3, 0]);
        check(&[0, 1, 3, 1, 0, 2, 2], &[1, 0, 4, 3, 5, 6, 2]);
        check(&[2, 0, 4, 3, 3, 0, 2, 4, 1], &[8, 1, 5, 6, 0, 2, 3, 7, 4]);
        check(
            &[3, 1, 0, 4, 1, 4, 3, 2, 1, 0, 0, 3, 2, 2, 4],
            &[2, 10, 9, 4, 8, 12, 7, 13, 1, 0, 6, 11, 5, 3, 14],
        );
        check(
            &[4, 3, 4, 0, 4, 0, 4, 2, 3, 1, 3, 2, 3, 4, 0, 2, 3, 3, 2, 4, 0],
            &[20, 5, 3, 14, 9, 15, 11, 7, 16, 17, 18, 10, 12, 13, 0, 8, 6, 4, 2, 19, 1],
        );
    }
}
