use super::*;
use crate::place::is_unsafe;
use crate::samples;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn text(report: &ScanReport, verbose: bool) -> String {
    let mut out = Vec::new();
    write(report, &HtmlOptions { verbose }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Every text of the report says what would show that it became markup or ran.
const MARKUP: &str = "a\"'><script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\"><a href=javascript:alert(1)>\u{202e}";

fn attack() -> ScanReport {
    let mut file = samples::hostile();
    let artifact = &mut file.artifacts[0];
    artifact.path = vec![format!("<script>document.title='pwned'</script>{MARKUP}.pkl"), MARKUP.to_owned()];
    artifact.formats = vec![MARKUP.to_owned()];
    artifact.facts.insert(MARKUP.to_owned(), serde_json::json!(MARKUP));
    artifact.findings[0].message = MARKUP.to_owned();
    artifact.findings[0].details.push((MARKUP.to_owned(), MARKUP.to_owned()));
    artifact.tensors[0].name = MARKUP.to_owned();
    file.path.clone_from(&artifact.path[0]);
    let mut report = samples::report(vec![file, samples::critical(), samples::warning(), samples::info()], true);
    report.errors[0].path = MARKUP.to_owned();
    report.rules[2].title = MARKUP.to_owned();
    report.rules[2].references = vec!["javascript:alert(1)".to_owned(), MARKUP.to_owned()];
    report.policy.excluded = vec![MARKUP.to_owned()];
    report.policy.config = Some(MARKUP.to_owned());
    report
}

#[test]
fn golden_pages() {
    let page = text(&samples::everything(), true).replace(crate::VERSION, "[VERSION]");
    // Style and script have files of their own.
    let page = page
        .replace(&hash(STYLE), "[STYLE]")
        .replace(&hash(SCRIPT), "[SCRIPT]")
        .replace(STYLE, "[STYLE]")
        .replace(SCRIPT, "[SCRIPT]");
    // One element a line, so that a change can be read.
    samples::assert_golden("everything.html", page.replace("><", ">\n<").as_bytes());
}

#[test]
fn hostile_names_stay_text() {
    for verbose in [false, true] {
        let page = text(&attack(), verbose);
        let ours = page.replace(STYLE, "").replace(SCRIPT, "");
        assert!(!ours.contains(|c| c != '\n' && is_unsafe(c)), "{ours:?}");
        assert_eq!(
            (ours.matches("<script").count(), ours.matches("<img").count(), ours.matches("href=\"javascript").count()),
            (1, 0, 0)
        );
    }
}

#[test]
fn a_page_has_an_end() {
    let mut report = samples::report(vec![], false);
    let mut file = samples::critical();
    file.artifacts[0].findings = vec![file.artifacts[0].findings[0].clone(); MOST + 7];
    report.files = vec![samples::clean(); MOST];
    report.files.push(file);
    let page = text(&report, false);
    assert_eq!(page.matches("class=\"finding card critical\"").count(), MOST);
    assert!(page.contains("… and 7 more, which the JSON report has"));
    assert!(page.contains("… and 1 more, which the JSON report has"), "the files");
}

#[test]
fn the_policy_names_the_script() {
    // Checked against openssl: printf abc | openssl dgst -sha256 -binary | base64.
    assert_eq!(hash("abc"), "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='");
    let page = text(&samples::report(vec![], false), false);
    assert!(page.contains(
        &format!("default-src 'none'; script-src {}; style-src {};", hash(SCRIPT), hash(STYLE)).replace('\'', "'")
    ));
}

fn chromium() -> Option<PathBuf> {
    let names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|p| p.is_file())
}

/// The markup of the document after the page was loaded in a browser and its scripts ran.
fn rendered(browser: &Path, page: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let [file, dom, log] = ["page.html", "dom", "log"].map(|name| folder.path().join(name));
    std::fs::write(&file, page).unwrap();
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .stdout(std::fs::File::create(&dom).unwrap())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("the browser hangs: {}", std::fs::read_to_string(&log).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let dom = String::from_utf8(std::fs::read(&dom).unwrap()).unwrap();
    assert!(dom.contains("<body"), "{browser:?} shows nothing: {}", std::fs::read_to_string(&log).unwrap_or_default());
    dom
}

#[test]
fn a_browser_runs_our_script_and_nothing_else() {
    let Some(browser) = chromium() else {
        eprintln!(
            "\n*** SKIPPED: no chromium in PATH, so the HTML report was not opened (apt-get install chromium-headless-shell) ***\n"
        );
        return;
    };
    let page = text(&attack(), true);
    let dom = rendered(&browser, &page);
    assert!(dom.contains("<title>modelaudit: critical</title>"), "{dom}");
    let ours = dom.replace(SCRIPT, "").replace(STYLE, "");
    assert_eq!((ours.matches("<script").count(), ours.matches("<img").count()), (1, 0));
    assert!(ours.contains("&lt;script&gt;document.title='pwned'&lt;/script&gt;"), "{ours}");
    // Our script ran: it shows the filters and counts.
    assert!(ours.contains("<output>5 of 5 shown</output>"), "{ours}");

    // Markup that slipped in all the same could neither run nor load: the policy forbids it.
    let (address, asked) = network();
    let slipped = format!(
        "<script>document.title='pwned'</script><img src=http://{address}/x onerror=\"document.title='pwned'\">\
         <script src=http://{address}/y></script><link rel=stylesheet href=http://{address}/z><main>"
    );
    let dom = rendered(&browser, &page.replacen("<main>", &slipped, 1));
    assert!(dom.contains("<title>modelaudit: critical</title>"), "{dom}");
    assert!(dom.contains(&format!("http://{address}/x")), "the markup is not in the page");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    // This test can fail: without the policy the same page runs it and asks the network.
    let open = page.replacen("Content-Security-Policy", "X-Nothing", 1).replacen("<main>", &slipped, 1);
    let dom = rendered(&browser, &open);
    assert!(dom.contains("<title>pwned</title>"), "{dom}");
    assert!(asked.load(Ordering::SeqCst) > 0);
}

/// A server that has nothing, and how often it was asked.
fn network() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = io::Read::read(&mut stream, &mut [0; 4096]); // the request; what it says does not matter
            let _ = stream.write_all(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (address, asked)
}
