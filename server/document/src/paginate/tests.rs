use std::rc::Rc;

use super::*;

/// A line, whose mark is its number.
fn line(number: u32, height: f32) -> Strip {
    Strip {
        height,
        marks: vec![(number, 0.0, 1.0)],
        ..Strip::default()
    }
}

fn kept(strip: Strip) -> Strip {
    Strip {
        keep_next: true,
        ..strip
    }
}

fn broken(strip: Strip) -> Strip {
    Strip {
        break_before: true,
        ..strip
    }
}

/// Lines that are numbered from `first` on.
fn lines(first: u32, count: u32, height: f32) -> Vec<Strip> {
    (first..first + count)
        .map(|number| line(number, height))
        .collect()
}

fn columns(cells: Vec<Vec<Strip>>) -> Group {
    Group {
        cells: cells
            .into_iter()
            .map(|strips| GroupCell {
                strips: strips.into(),
                ..GroupCell::default()
            })
            .collect(),
        ..Group::default()
    }
}

fn boxed(strips: Vec<Strip>) -> Strip {
    Strip::group(columns(vec![strips]))
}

fn with_head(strips: Vec<Strip>, head: Strip) -> Vec<Strip> {
    let head = Rc::new(vec![head]);
    strips
        .into_iter()
        .map(|strip| Strip {
            head: Some(head.clone()),
            ..strip
        })
        .collect()
}

fn page(_: usize) -> Frame {
    Frame {
        x: 0.0,
        top: 0.0,
        height: 100.0,
        paper: 120.0,
    }
}

fn filled(strips: Vec<Strip>) -> Filled {
    fill(strips, page, &Limits::default()).expect("pages")
}

/// Marks of the lines on each page of 100.
#[track_caller]
fn check(strips: Vec<Strip>, expected: &[&[u32]]) {
    let filled = filled(strips);
    let found: Vec<Vec<u32>> = filled
        .pages
        .iter()
        .map(|page| page.marks.iter().map(|mark| mark.mark).collect())
        .collect();
    assert_eq!(found, expected);
    assert!(filled.overflows.is_empty());
}

#[test]
fn fills_pages() {
    check(
        vec![line(1, 60.0), line(2, 40.0), line(3, 1.0)],
        &[&[1, 2], &[3]],
    );
    check(vec![], &[&[]]);
}

#[test]
fn what_is_kept_goes_along() {
    check(
        vec![line(1, 60.0), kept(line(2, 20.0)), line(3, 30.0)],
        &[&[1], &[2, 3]],
    );
    // A chain longer than a page is cut where it must.
    check(vec![kept(line(1, 60.0)), line(2, 60.0)], &[&[1], &[2]]);
    // And not behind its first strip, which stays with the second one where a page has room for both.
    let chain = [kept(line(2, 10.0)), kept(line(3, 50.0)), line(4, 60.0)];
    check(
        [line(1, 60.0)].into_iter().chain(chain).collect(),
        &[&[1], &[2, 3], &[4]],
    );
    check(
        vec![
            line(1, 50.0),
            kept(line(2, 10.0)),
            kept(Strip::space(5.0)),
            boxed(lines(3, 4, 20.0)),
        ],
        &[&[1], &[2, 3, 4, 5, 6]],
    );
}

#[test]
fn keeping_holds_in_boxes_and_columns() {
    let strips = || {
        vec![
            line(1, 60.0),
            line(2, 25.0),
            kept(line(3, 10.0)),
            line(4, 10.0),
            line(5, 90.0),
        ]
    };
    let expected: &[&[u32]] = &[&[1, 2], &[3, 4], &[5]];
    check(strips(), expected);
    check(vec![boxed(strips())], expected);
    check(vec![boxed(vec![boxed(strips())])], expected);
    let beside = columns(vec![strips(), vec![line(6, 10.0)]]);
    check(vec![Strip::group(beside)], &[&[1, 2, 6], &[3, 4], &[5]]);
}

#[test]
fn a_heading_does_not_stay_behind_a_long_box() {
    // The box fits on no page, so its first part goes with the heading.
    let long = || boxed(vec![line(2, 30.0), line(3, 60.0), line(4, 60.0)]);
    check(
        vec![line(9, 75.0), kept(line(1, 10.0)), long()],
        &[&[9], &[1, 2, 3], &[4]],
    );
    check(
        vec![line(9, 50.0), kept(line(1, 10.0)), long()],
        &[&[9, 1, 2], &[3], &[4]],
    );
}

#[test]
fn what_is_together_is_divided_only_where_no_page_has_room() {
    let together = |count| {
        Strip::group(Group {
            together: true,
            ..columns(vec![lines(2, count, 10.0)])
        })
    };
    check(
        vec![line(1, 60.0), together(7)],
        &[&[1], &[2, 3, 4, 5, 6, 7, 8]],
    );
    check(
        vec![line(1, 60.0), boxed(lines(2, 7, 10.0))],
        &[&[1, 2, 3, 4, 5], &[6, 7, 8]],
    );
    check(
        vec![line(1, 60.0), together(12)],
        &[&[1, 2, 3, 4, 5], &[6, 7, 8, 9, 10, 11, 12, 13]],
    );
}

#[test]
fn heads_are_repeated_wherever_rows_go_on() {
    let rows = || {
        let mut strips = vec![kept(line(50, 20.0))];
        strips.extend(with_head(lines(1, 6, 30.0), line(50, 20.0)));
        strips
    };
    let expected: &[&[u32]] = &[&[50, 1, 2], &[50, 3, 4], &[50, 5, 6]];
    check(rows(), expected);
    check(vec![boxed(rows())], expected);
    check(
        vec![Strip::group(columns(vec![rows(), vec![line(7, 1.0)]]))],
        &[&[50, 1, 2, 7], &[50, 3, 4], &[50, 5, 6]],
    );
    // One that leaves its rows no room is not.
    let mut strips = vec![line(50, 60.0)];
    strips.extend(with_head(lines(1, 2, 60.0), line(50, 60.0)));
    check(strips, &[&[50], &[1], &[2]]);
}

#[test]
fn space_vanishes_at_the_top_of_a_page() {
    check(
        vec![line(1, 90.0), Strip::space(20.0), line(2, 10.0)],
        &[&[1], &[2]],
    );
    // No page is made for space alone.
    check(vec![line(1, 90.0), Strip::space(20.0)], &[&[1]]);
    check(
        vec![boxed(vec![line(1, 90.0), Strip::space(20.0)]), line(2, 5.0)],
        &[&[1, 2]],
    );
}

#[test]
fn a_page_of_space_alone_is_fresh() {
    // What has no room below the space takes its place.
    check(vec![Strip::space(60.0), line(1, 90.0)], &[&[1]]);
    check(
        vec![
            Strip::space(60.0),
            kept(line(1, 30.0)),
            line(2, 30.0),
            line(3, 30.0),
        ],
        &[&[1, 2, 3]],
    );
    check(vec![Strip::space(60.0), broken(line(1, 10.0))], &[&[1]]);
    check(vec![Strip::space(300.0), line(1, 10.0)], &[&[1]]);
    let tall = Group {
        min_height: 80.0,
        ..columns(vec![vec![line(1, 10.0)]])
    };
    check(vec![Strip::space(60.0), Strip::group(tall)], &[&[1]]);
    let first = filled(vec![Strip::space(60.0), line(1, 30.0)]);
    assert!((first.pages[0].marks[0].y - 60.0).abs() < HAIR);
}

#[test]
fn a_new_page_begins_in_boxes_too() {
    check(vec![line(1, 10.0), broken(line(2, 10.0))], &[&[1], &[2]]);
    check(
        vec![
            boxed(vec![line(1, 10.0), broken(line(2, 10.0))]),
            line(3, 10.0),
        ],
        &[&[1], &[2, 3]],
    );
    // With its first strip a box moves as a whole.
    check(
        vec![
            line(1, 10.0),
            boxed(vec![broken(line(2, 10.0)), line(3, 10.0)]),
        ],
        &[&[1], &[2, 3]],
    );
}

#[test]
fn divides_what_is_taller_than_a_page() {
    check(
        vec![boxed(lines(1, 25, 10.0))],
        &[
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            &[11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
            &[21, 22, 23, 24, 25],
        ],
    );
    // Each part has the padding of the whole.
    let padded = Group {
        top: 20.0,
        bottom: 20.0,
        ..columns(vec![lines(1, 8, 20.0)])
    };
    let filled = filled(vec![Strip::group(padded)]);
    let tops: Vec<f32> = filled.pages.iter().map(|page| page.marks[0].y).collect();
    assert_eq!(tops, [20.0, 20.0, 20.0]);
}

#[test]
fn what_cannot_be_divided_overflows_once_and_is_told() {
    let filled = filled(vec![line(7, 500.0), line(8, 10.0)]);
    assert_eq!((filled.overflows, filled.pages.len()), (vec![7], 2));
    // In a row, too: the mark is the row's.
    let mut row = boxed(vec![Strip {
        height: 500.0,
        ..Strip::default()
    }]);
    row.marks.push((9, 0.0, 1.0));
    let filled = fill(vec![row], page, &Limits::default()).expect("pages");
    assert_eq!((filled.overflows, filled.pages.len()), (vec![9], 1));
}

#[test]
fn too_many_pages_and_a_deadline_end_it() {
    let error = |limits: &Limits<'_>, count| {
        fill(lines(1, count, 10.0), page, limits).expect_err("a limit")
    };
    let limits = Limits {
        max_pages: 2,
        ..Limits::default()
    };
    let expected = DocumentError::Limit {
        kind: LimitKind::Pages,
        max: 2,
        block: String::new(),
    };
    assert_eq!(error(&limits, 21), expected);
    let limits = Limits {
        stop: Some(std::sync::Arc::new(|| true)),
        ..Limits::default()
    };
    assert_eq!(error(&limits, 4_990), DocumentError::Stopped);
}

/// Strips looked at for so many rows.
fn steps(strips: Vec<Strip>) -> usize {
    let limits = Limits {
        max_pages: usize::MAX,
        ..Limits::default()
    };
    let mut fragmenter = Fragmenter::new(&limits);
    let pages = fragmenter.fill(strips.into(), page).expect("pages");
    assert!(pages.len() > 10);
    fragmenter.steps
}

#[test]
fn ten_times_the_rows_take_ten_times_the_steps() {
    let rows = |count| with_head(lines(1, count, 10.0), line(0, 10.0));
    let kept_rows = |count| rows(count).into_iter().map(kept).collect::<Vec<_>>();
    let check = |build: &dyn Fn(u32) -> Vec<Strip>, most: usize| {
        let (few, many) = (steps(build(1_000)), steps(build(10_000)));
        assert!(many <= few * 11, "{few} for 1000, {many} for 10000");
        assert!(many <= 10_000 * most, "{many}");
    };
    check(&rows, 3);
    check(&|count| vec![boxed(rows(count))], 4);
    check(
        &|count| vec![boxed(vec![boxed(vec![boxed(rows(count))])])],
        6,
    );
    check(
        &|count| vec![Strip::group(columns(vec![rows(count), rows(count)]))],
        8,
    );
    // Where all are kept with the next, no more than a page of them is looked at from each.
    check(&kept_rows, 20);
    check(&|count| vec![boxed(kept_rows(count))], 25);
}

#[test]
fn what_stands_at_the_foot_ends_its_page() {
    let foot = |number| Strip {
        foot: Some(60.0),
        // It would be kept with what follows, were there anything below it.
        ..kept(line(number, 40.0))
    };
    let strips = |before| -> Vec<Strip> {
        let mut strips = lines(1, before, 20.0);
        strips.push(foot(9));
        strips.push(Strip::space(5.0));
        strips.extend(lines(10, 2, 20.0));
        strips
    };
    check(strips(3), &[&[1, 2, 3, 9], &[10, 11]]);
    check(strips(4), &[&[1, 2, 3, 4], &[9], &[10, 11]]);
    let filled = filled(vec![line(1, 20.0), foot(2), Strip::space(5.0)]);
    let [page] = filled.pages.as_slice() else {
        panic!("{:?}", filled.pages);
    };
    let place = |number: usize| (page.marks[number].y, page.marks[number].height);
    assert_eq!(place(0), (0.0, 20.0));
    assert_eq!((place(1), page.foot), ((60.0, 60.0), 60.0));
}
