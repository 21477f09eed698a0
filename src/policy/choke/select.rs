//! Partial sorting as the C++ library of libtorrent's builds does it.

/// Puts the `nth` smallest in its place, smaller ones before it and larger ones behind, in the
/// order libstdc++ leaves them in (`bits/stl_algo.h`, `nth_element`).
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
