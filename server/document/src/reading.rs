//! The words of a page in the order in which they are read, for those who do not see its picture.

use crate::display::{Display, Glyphs, Item, Placed};

/// Baselines closer than this are one line.
const SAME_LINE: f32 = 0.5;

/// One line a line of the page; `None` beyond the last page.
pub(crate) fn text(display: &Display, page: usize) -> Option<String> {
    let mut lines: Vec<(f32, Vec<&Glyphs>)> = Vec::new();
    for Placed { y, item, .. } in &display.pages.get(page)?.items {
        let Item::Glyphs(run) = item else {
            continue;
        };
        let Some(first) = run.glyphs.first() else {
            continue;
        };
        let baseline = y + first.y;
        match lines.last_mut() {
            Some((known, runs))
                if (*known - baseline).abs() < SAME_LINE
                    && runs.last().is_some_and(|last| last.tag == run.tag) =>
            {
                runs.push(run);
            }
            _ => lines.push((baseline, vec![&**run])),
        }
    }
    let mut text = String::new();
    for (_, mut runs) in lines {
        runs.sort_by_key(|run| run.start);
        for run in runs {
            let texts = run.texts();
            if run.right_to_left {
                text.extend(texts.into_iter().rev());
            } else {
                text.extend(texts);
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    Some(text)
}
