//! Downloads from a scripted transport: resuming, redirects, interruptions, wrong bytes.

use std::sync::Mutex;

use futures_util::stream;

use super::*;

const BYTES: &[u8] = b"a model file of forty-two bytes, for tests";
const HASH: &str = "HASH";

fn known(sha256: &'static str) -> Known {
    Known {
        name: "test",
        title: "Test model",
        file: "test.gguf",
        size_bytes: BYTES.len() as u64,
        sha256,
        licence: "none",
        min_memory_bytes: 0,
        source: None,
    }
}

fn right_hash() -> &'static str {
    use sha2::{Digest as _, Sha256};
    Box::leak(folder::hex(&Sha256::digest(BYTES)).into_boxed_str())
}

/// One scripted answer.
enum Says {
    /// Serves the file from the asked byte, but only so many bytes of it.
    Bytes(usize),
    /// Ignores the range.
    Whole,
    Status(u16),
    Redirect(&'static str),
    Down,
    Garbage,
}

struct Script {
    says: Mutex<Vec<Says>>,
    asked: Mutex<Vec<(String, u64)>>,
}

#[async_trait]
impl Transport for Script {
    async fn get(&self, url: &Url, from: u64) -> Result<Answer, String> {
        self.asked
            .lock()
            .expect("lock")
            .push((url.to_string(), from));
        let next = {
            let mut says = self.says.lock().expect("lock");
            if says.is_empty() {
                Says::Down
            } else {
                says.remove(0)
            }
        };
        let answer =
            |status, headers: &[(&str, String)], pieces: Vec<Result<Vec<u8>, String>>| Answer {
                status,
                headers: headers
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
                body: stream::iter(pieces).boxed(),
            };
        let start = usize::try_from(from).expect("small");
        Ok(match next {
            Says::Down => return Err("no route".into()),
            Says::Status(status) => answer(status, &[], Vec::new()),
            Says::Redirect(to) => answer(302, &[("location", to.to_owned())], Vec::new()),
            Says::Whole => answer(200, &[], vec![Ok(BYTES.to_vec())]),
            Says::Garbage => answer(200, &[], vec![Ok(vec![b'?'; BYTES.len()])]),
            Says::Bytes(count) => {
                let end = (start + count).min(BYTES.len());
                let mut pieces: Vec<_> = BYTES[start..end]
                    .chunks(5)
                    .map(|piece| Ok(piece.to_vec()))
                    .collect();
                if end < BYTES.len() {
                    pieces.push(Err("the line dropped".into()));
                }
                let range = format!("bytes {start}-{}/{}", BYTES.len() - 1, BYTES.len());
                answer(
                    if start == 0 { 200 } else { 206 },
                    &[("content-range", range)],
                    pieces,
                )
            }
        })
    }
}

struct Done {
    result: Result<PathBuf, FetchError>,
    asked: Vec<(String, u64)>,
    left: Vec<String>,
    progress: Progress,
}

async fn fetch_with(sha256: &'static str, part: Option<&[u8]>, says: Vec<Says>) -> Done {
    let folder = std::env::temp_dir().join(format!("formwork-fetch-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).expect("a folder");
    if let Some(part) = part {
        std::fs::write(folder.join("test.gguf.part"), part).expect("written");
    }
    let script = Script {
        says: Mutex::new(says),
        asked: Mutex::default(),
    };
    let (sender, receiver) = watch::channel(Progress::default());
    let url = Url::parse("https://hub.example/test.gguf").expect("a url");
    let result = fetch(&script, &known(sha256), &url, &folder, &sender).await;
    if let Ok(path) = &result {
        assert_eq!(std::fs::read(path).expect("reads"), BYTES);
    }
    let mut left: Vec<String> = std::fs::read_dir(&folder)
        .expect("reads")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    left.sort();
    std::fs::remove_dir_all(&folder).expect("removed");
    let progress = *receiver.borrow();
    Done {
        result,
        asked: script.asked.into_inner().expect("lock"),
        left,
        progress,
    }
}

#[tokio::test]
async fn a_file_arrives_whole_and_the_progress_ends_at_its_size() {
    let done = fetch_with(right_hash(), None, vec![Says::Bytes(1000)]).await;
    assert!(done.result.is_ok(), "{:?}", done.result);
    assert_eq!(done.left, ["test.gguf"]);
    assert_eq!(done.progress.done_bytes, BYTES.len() as u64);
}

#[tokio::test]
async fn an_interrupted_download_goes_on_where_it_was() {
    let says = vec![
        Says::Bytes(10),
        Says::Down,
        Says::Status(503),
        Says::Bytes(20),
        Says::Bytes(1000),
    ];
    let done = fetch_with(right_hash(), None, says).await;
    assert!(done.result.is_ok(), "{:?}", done.result);
    let from: Vec<u64> = done.asked.iter().map(|(_, from)| *from).collect();
    assert_eq!(from, [0, 10, 10, 10, 30]);
}

#[tokio::test]
async fn a_part_from_an_earlier_start_is_used_and_an_ignored_range_is_noticed() {
    let done = fetch_with(right_hash(), Some(&BYTES[..7]), vec![Says::Bytes(1000)]).await;
    assert_eq!(done.asked[0].1, 7);
    assert!(done.result.is_ok(), "{:?}", done.result);
    let done = fetch_with(right_hash(), Some(&BYTES[..7]), vec![Says::Whole]).await;
    assert!(done.result.is_ok(), "{:?}", done.result);
    let done = fetch_with(right_hash(), Some(BYTES), Vec::new()).await;
    assert!(
        done.result.is_ok() && done.asked.is_empty(),
        "a whole part needs no network"
    );
}

#[tokio::test]
async fn redirects_are_followed_three_times_and_never_to_an_insecure_address() {
    let to = "https://cdn.example/file";
    let done = fetch_with(
        right_hash(),
        None,
        vec![
            Says::Redirect(to),
            Says::Redirect("/other"),
            Says::Bytes(1000),
        ],
    )
    .await;
    assert!(done.result.is_ok(), "{:?}", done.result);
    assert_eq!(done.asked[2].0, "https://cdn.example/other");
    let done = fetch_with(
        right_hash(),
        None,
        (0..9).map(|_| Says::Redirect(to)).collect(),
    )
    .await;
    assert_eq!(done.asked.len(), 4);
    assert!(
        done.result
            .expect_err("refused")
            .to_string()
            .contains("too many redirects")
    );
    let done = fetch_with(
        right_hash(),
        None,
        vec![Says::Redirect("http://cdn.example/file")],
    )
    .await;
    assert_eq!((done.asked.len(), done.result.is_err()), (1, true));
}

#[tokio::test]
async fn wrong_bytes_are_removed_and_said() {
    let done = fetch_with(right_hash(), None, vec![Says::Garbage]).await;
    let why = done.result.expect_err("refused").to_string();
    assert!(
        why.contains("not the file it should be") && why.contains("hub.example"),
        "{why}"
    );
    assert!(done.left.is_empty(), "{:?}", done.left);
    let done = fetch_with(HASH, None, vec![Says::Bytes(1000)]).await;
    assert!(matches!(done.result, Err(FetchError::Changed { .. })));
}

#[tokio::test]
async fn of_two_processes_one_downloads_and_both_have_the_file() {
    let folder = std::env::temp_dir().join(format!("formwork-fetch-{}", uuid::Uuid::now_v7()));
    let script = Script {
        says: Mutex::new(vec![Says::Bytes(10), Says::Bytes(1000)]),
        asked: Mutex::default(),
    };
    let (known, url) = (
        known(right_hash()),
        Url::parse("https://hub.example/test.gguf").expect("a url"),
    );
    let (sender, _receiver) = watch::channel(Progress::default());
    let (one, other) = tokio::join!(
        fetch(&script, &known, &url, &folder, &sender),
        fetch(&script, &known, &url, &folder, &sender)
    );
    assert_eq!(one.expect("fetched"), other.expect("found"));
    let asked = script.asked.into_inner().expect("lock");
    assert_eq!(
        asked.iter().map(|(_, from)| *from).collect::<Vec<_>>(),
        [0, 10]
    );
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[tokio::test]
async fn a_disk_without_room_is_said_before_anything_is_asked() {
    let folder = std::env::temp_dir().join(format!("formwork-fetch-{}", uuid::Uuid::now_v7()));
    let script = Script {
        says: Mutex::default(),
        asked: Mutex::default(),
    };
    let huge = Known {
        size_bytes: 1 << 60,
        ..known(HASH)
    };
    let url = Url::parse("https://hub.example/test.gguf").expect("a url");
    let (sender, _receiver) = watch::channel(Progress::default());
    let result = fetch(&script, &huge, &url, &folder, &sender).await;
    assert!(
        matches!(result, Err(FetchError::DiskFull { .. })),
        "{result:?}"
    );
    assert!(script.asked.into_inner().expect("lock").is_empty());
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[tokio::test]
async fn no_network_says_what_to_do_instead() {
    let done = fetch_with(right_hash(), None, Vec::new()).await;
    let why = done.result.expect_err("refused").to_string();
    assert!(
        why.contains("cannot be reached (no route)") && why.contains("put test.gguf into"),
        "{why}"
    );
    assert_eq!(done.asked.len(), 5);
    let done = fetch_with(right_hash(), None, vec![Says::Status(404)]).await;
    assert!(
        done.result
            .expect_err("refused")
            .to_string()
            .contains("answered 404")
    );
    assert_eq!(done.asked.len(), 1, "a missing file is not asked for again");
}

#[test]
fn the_line_tells_how_far_and_how_long() {
    let progress = Progress {
        done_bytes: 540_000_000,
        size_bytes: 1_117_320_736,
        bytes_per_second: Some(12_000_000),
        seconds_left: Some(49),
    };
    assert_eq!(
        line("Qwen2.5", &progress),
        "Qwen2.5  [#########-----------]  48 %  540 MB of 1.1 GB  12 MB/s  49 s left"
    );
    assert_eq!(
        line("X", &Progress::default()),
        "X  [--------------------]  0 %  0 MB of 0 MB"
    );
}
