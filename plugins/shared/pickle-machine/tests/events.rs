//! What the machine tells an observer, opcode by opcode.

use modelaudit_pickle_machine::{
    Array, Build, Call, ComputedImport, Extension, Import, Item, Kind, LoadError, Observer, Oddity, Outcome,
    Persistent, Reading, Slice, View, walk,
};
use modelaudit_plugin::Span;

/// Writes every event as a line.
#[derive(Default)]
struct Log(Vec<String>);

impl Observer for Log {
    fn import(&mut self, view: &View<'_, '_>, event: &Import) {
        let global = view.global(event.value).map(|g| g.resolved.written.clone());
        self.0.push(format!("{} {} {}", event.offset, event.opcode, global.unwrap_or_default()));
    }
    fn computed_import(&mut self, view: &View<'_, '_>, event: &ComputedImport) -> u32 {
        self.0.push(format!("computed {}", view.render(event.value, 80)));
        7
    }
    fn call(&mut self, view: &View<'_, '_>, event: &Call<'_>) -> u32 {
        let arguments: Vec<String> = event.arguments.iter().map(|v| view.render(*v, 80)).collect();
        let marks: Vec<u32> = event.arguments.iter().map(|v| view.mark(*v)).filter(|m| *m != 0).collect();
        let mark = if marks.is_empty() { String::new() } else { format!(" marks {marks:?}") };
        self.0.push(format!("{} {}({}){mark}", event.opcode, view.render(event.callee, 80), arguments.join(", ")));
        u32::from(view.global(event.callee).is_some_and(|g| g.danger().is_some()))
    }
    fn build(&mut self, view: &View<'_, '_>, event: &Build) -> u32 {
        self.0.push(format!("BUILD {} {}", view.render(event.object, 80), view.render(event.state, 80)));
        0
    }
    fn item(&mut self, view: &View<'_, '_>, event: &Item) {
        let (container, value) = (view.render(event.container, 40), view.render(event.value, 40));
        self.0.push(format!("{} {container} {} {value}", event.opcode, view.render(event.key, 40)));
    }
    fn persistent(&mut self, view: &View<'_, '_>, event: &Persistent) {
        self.0.push(format!("persistent {}", view.render(event.id, 80)));
    }
    fn extension(&mut self, _view: &View<'_, '_>, event: &Extension) {
        self.0.push(format!("{} {}", event.opcode, event.code));
    }
    fn array(&mut self, _view: &View<'_, '_>, event: &Array) {
        self.0.push(format!("array {}+{} {}", event.span.offset, event.span.length, event.objects));
    }
    fn error(&mut self, _view: &View<'_, '_>, event: &LoadError) {
        self.0.push(format!("error at {}: {}", event.offset, event.reason));
    }
    fn odd(&mut self, _view: &View<'_, '_>, oddity: Oddity, _offset: u64) {
        self.0.push(format!("{oddity:?}"));
    }
}

fn run(pickle: &[u8]) -> (Vec<String>, Outcome) {
    let mut log = Log::default();
    let outcome = walk(&Slice(pickle), Span::new(0, pickle.len() as u64), Reading::USUAL, 100, &mut log);
    (log.0, outcome)
}

fn lines(pickle: &[u8]) -> Vec<String> {
    run(pickle).0
}

#[test]
fn arguments_are_shown() {
    assert_eq!(
        lines(b"cos\nsystem\n(S'a\\x62'\nI0x10\n\x88N]\x8aQ\x01tR."),
        ["0 GLOBAL os.system", "error at 30: LONG1 wants 81 bytes, 4 are left"]
    );
    assert_eq!(
        lines(b"cos\nsystem\n(S'a\\x62'\nI0x10\n\x88N](K\x01F2.5\ne(S'k'\nC\x02\x01zdtR."),
        ["0 GLOBAL os.system", "REDUCE os.system('ab', 16, True, None, [1, 2.5], {'k': b'\\x01z'})"]
    );
}

#[test]
fn the_memo_is_one_for_all_put_opcodes() {
    let pickle = b"\x80\x04\x8c\x02os\x94\x8c\x06systemq\x05\x8c\x01x\x94000h\x00h\x05\x93.";
    assert_eq!(lines(pickle), ["28 STACK_GLOBAL os.system"]);
}

#[test]
fn wrappers_are_followed() {
    let pickle = b"cfunctools\npartial\n(cos\nsystem\nS'a'\ntR(S'b'\ntR.";
    let log = lines(pickle);
    assert_eq!(log[2], "REDUCE functools.partial(os.system, 'a')");
    assert_eq!(log[3], "REDUCE os.system('a', 'b')");
    let pickle = b"coperator\nmethodcaller\n(S'system'\nS'id'\ntR(cimportlib\nimport_module\n(S'os'\ntRtR.";
    assert_eq!(lines(pickle).last().map(String::as_str), Some("REDUCE os.system('id')"));
}

#[test]
fn marks_travel_through_containers() {
    let pickle = b"cmypkg\nf\n(](cos\nsystem\n(S'id'\ntRetR.";
    let log = lines(pickle);
    assert_eq!(log.last().map(String::as_str), Some("REDUCE mypkg.f([os.system('id')]) marks [1]"));
}

#[test]
fn computed_names_are_folded() {
    let pickle = b"\x80\x04c_codecs\nencode\n(\x8c\x03ybf\x8c\x05rot13tR\x8c\x06system\x93.";
    let log = lines(pickle);
    assert!(log.contains(&"computed los.system".to_owned()), "{log:?}");
}

#[test]
fn arrays_of_joblib_are_skipped() {
    let pickle = b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(U\x05shapeK\x03\x85U\x05dtypecnumpy\ndtype\nU\x02u1\x85Rub...cos\nsystem\n0.";
    let (log, outcome) = run(pickle);
    assert!(log.iter().any(|l| l.starts_with("array ") && l.ends_with("+3 false")), "{log:?}");
    assert!(log.iter().any(|l| l.ends_with("os.system")), "{log:?}");
    assert_eq!((outcome.arrays, outcome.array_unknown), (1, None));
}

#[test]
fn errors_do_not_end_the_walk() {
    let log = lines(b"\x80\x02h\x07cos\nsystem\n(S'id'\ntR.");
    assert_eq!(log[0], "error at 2: the memo has no such entry");
    assert_eq!(log[2], "REDUCE os.system('id')");
    let log = lines(b"\x80\x02\xfe\xfecos\nsystem\n.");
    assert_eq!(log[0], "error at 2: byte 0xfe is no opcode");
}

#[test]
fn streams_follow_each_other() {
    let (log, outcome) = run(b"\x80\x02N.\0\0\n\x80\x02cos\nsystem\n.garbage");
    assert_eq!(log, ["9 GLOBAL os.system"]);
    assert_eq!((outcome.streams, outcome.stopped, outcome.end), (2, true, 21));
}

#[test]
fn persistent_ids_and_extensions() {
    let log = lines(b"\x80\x02(U\x07storageK\x01tQ0P17\n0\x82\x05.");
    assert_eq!(log, ["persistent ('storage', 1)", "persistent '17'", "EXT1 5"]);
}

#[test]
fn bombs_are_told_and_survived() {
    assert_eq!(lines(b"\x80\x02Nr\xff\xff\xff\x7f."), ["HugeMemoIndex(2147483647)"]);
    let log = lines(b"\x80\x04\x8e\0\0\0\0\0\0\0\x40abc");
    assert_eq!(log[0], format!("HugeLength({})", 1u64 << 62));
    let mut deep = b"\x80\x02".to_vec();
    deep.resize(2_000_000, b'(');
    assert_eq!(lines(&deep)[0], "DeepStack");
    let mut many = b"\x80\x04".to_vec();
    many.resize(5_000_000, b']');
    assert!(lines(&many)[0].contains("before STOP"));
}

#[test]
fn values_know_what_they_are() {
    struct Last(Option<Kind>);
    impl Observer for Last {
        fn stop(&mut self, _view: &View<'_, '_>, value: modelaudit_pickle_machine::Value, _end: u64) {
            self.0 = Some(value.kind());
        }
    }
    for (pickle, kind) in [
        (&b"\x80\x02]."[..], Kind::List),
        (b"\x80\x02K\x01.", Kind::Int),
        (b"\x80\x02\x8a\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09.", Kind::BigInt),
        (b"\x80\x02ccollections\nOrderedDict\n)R.", Kind::Object),
        (b"\x80\x02cmypkg\nf\n)R.", Kind::Result),
        (b"\x80\x05\x97.", Kind::Buffer),
    ] {
        let mut last = Last(None);
        walk(&Slice(pickle), Span::new(0, pickle.len() as u64), Reading::USUAL, 1, &mut last);
        assert_eq!(last.0, Some(kind), "{}", pickle.escape_ascii());
    }
}
