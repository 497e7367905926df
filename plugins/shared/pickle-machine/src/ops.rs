//! Opcodes that import, call, build and insert: everything an observer is told about.

use crate::array;
use crate::calls::{self, Target};
use crate::machine::{Fault, Machine, NAME, view};
use crate::opcode as op;
use crate::special::Special;
use crate::store::Holds;
use crate::value::{Kind, Value};
use crate::view::{Build, Call, ComputedImport, Extension, Import, Item, Observer, Oddity, Persistent};

/// Weight of a container from which on it counts as a bomb, if the file is small beside it.
const BOMB: u64 = 1 << 32;

impl Machine<'_> {
    // -- imports

    /// The value of a global by its written name; tells the observer when it is new.
    pub(crate) fn name(&mut self, module: &str, name: &str, opcode: u8, observer: &mut dyn Observer) -> Value {
        let known = self.globals.all().len();
        let index = self.globals.intern(module, name, self.protocol, self.at, op::name(opcode));
        let Some(index) = index else { return Value::UNKNOWN };
        let value = Value::new(Kind::Global, u64::from(index));
        if self.globals.all().len() > known {
            observer.import(&view!(self), &Import { value, offset: self.at, opcode: op::name(opcode) });
        }
        value
    }

    /// A line as a name: UTF-8, and never longer than a name can be.
    fn name_line(&mut self, observer: &mut dyn Observer) -> Result<String, Fault> {
        let (begin, length) = match self.input.line() {
            Ok(line) => line,
            Err(short) => {
                // CPython's Python loader cuts the last byte off a line without looking, so at the end of the data it still
                // imports something.
                let begin = self.input.position();
                self.input.seek(self.input.end());
                self.cut_line = Some(short);
                (begin, short.available.saturating_sub(1))
            }
        };
        if length > NAME {
            self.odd(Oddity::LongName, 7, observer);
        }
        let bytes = self.input.read_at(begin, length.min(NAME));
        Ok(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    pub(crate) fn global(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        let module = self.name_line(observer)?;
        let name = self.name_line(observer)?;
        let value = self.name(&module, &name, op::GLOBAL, observer);
        self.push(value)?;
        self.cut_line.take().map_or(Ok(()), |short| Err(short.into()))
    }

    pub(crate) fn stack_global(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        let name = self.pop();
        let module = self.pop();
        let (Some(name), Some(module)) = (name, module) else {
            self.push(Value::UNKNOWN)?;
            return Err(Fault::Soft("fewer than two values on the stack for STACK_GLOBAL"));
        };
        if let Some(value) = self.cached_name(module, name) {
            return self.push(value);
        }
        if module == Value::FORGOTTEN || name == Value::FORGOTTEN {
            self.odd(Oddity::ForgottenName, 8, observer);
            return self.push(Value::UNKNOWN);
        }
        let written = module.is_text() && name.is_text();
        let (module_text, name_text) = {
            let view = view!(self);
            let text = |value: Value| {
                let (bytes, complete) = view.bytes(value, NAME as usize)?;
                complete.then(|| String::from_utf8_lossy(&bytes).into_owned())
            };
            (text(module), text(name))
        };
        let value = match (&module_text, &name_text) {
            (Some(m), Some(n)) => self.name(m, n, op::STACK_GLOBAL, observer),
            _ => {
                if written {
                    self.odd(Oddity::LongName, 7, observer);
                }
                Value::UNKNOWN
            }
        };
        if written {
            // Both loaders insist on str; bytes operands are an error there, and a name for lexical tools.
            self.cache_name(module, name, value);
            self.push(value)?;
            let bytes = module.kind() == Kind::Bytes || name.kind() == Kind::Bytes;
            return if bytes { Err(Fault::Soft("STACK_GLOBAL wants str operands, not bytes")) } else { Ok(()) };
        }
        let event = ComputedImport { module, name, value, offset: self.at };
        if !self.may_be_text(module) || !self.may_be_text(name) {
            // A number, a container, an array: no loader gets past it, so there is nothing computed about it.
            self.push(Value::UNKNOWN)?;
            return Err(Fault::Soft("STACK_GLOBAL wants str operands"));
        }
        let missing = module.kind() == Kind::Unknown || name.kind() == Kind::Unknown;
        if missing && self.broken.is_some() {
            // What an earlier load error left unknown is no computation.
            return self.push(value);
        }
        let mark = observer.computed_import(&view!(self), &event);
        let holds = Holds { mark, ..Holds::NOTHING };
        // The mark must travel: a global has no node, so a record stands for it.
        let record = if value.kind() == Kind::Global {
            let arguments = self.store.container(Kind::Tuple, &[], self.at, Holds::NOTHING);
            self.store.record(Kind::Partial, value, arguments, self.at, holds)
        } else {
            self.store.record(Kind::Result, Value::UNKNOWN, Value::EMPTY_TUPLE, self.at, holds)
        };
        self.push(record)
    }

    /// The value is a string, or what a call returned that may be one.
    fn may_be_text(&self, value: Value) -> bool {
        match value.kind() {
            Kind::Str | Kind::FoldedStr | Kind::Result | Kind::Persistent | Kind::Extension | Kind::Unknown => true,
            // What the policy knows as harmless: functions that make strings are among it, classes are not strings.
            Kind::Object => {
                let view = view!(self);
                let maker = view.parts(value).map(|p| p.callee);
                maker.is_none_or(|m| m.kind() != Kind::Global || view.global(m).is_some_and(|g| g.special.is_some()))
                    && view.bytes(value, 64).is_some()
            }
            _ => false,
        }
    }

    pub(crate) fn extension(&mut self, code: i64, observer: &mut dyn Observer) -> Result<(), Fault> {
        let opcode = self.input.read_at(self.at, 1).first().copied().unwrap_or(op::EXT1);
        if let Some((module, name)) = self.extensions.get(&code).cloned() {
            let value = self.name(&module, &name, opcode, observer);
            return self.push(value);
        }
        let event = Extension { code, offset: self.at, opcode: op::name(opcode) };
        observer.extension(&view!(self), &event);
        self.push(Value::new(Kind::Extension, code as u64))
    }

    // -- calls

    pub(crate) fn reduce(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        let arguments = self.pop();
        let callee = self.pop();
        let (Some(arguments), Some(callee)) = (arguments, callee) else {
            self.push(Value::UNKNOWN)?;
            return Err(Fault::Soft("fewer than two values on the stack for REDUCE"));
        };
        let result = self.call(callee, arguments, Value::UNKNOWN, op::REDUCE, observer);
        self.push(result)
    }

    pub(crate) fn inst(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        let module = self.name_line(observer)?;
        let name = self.name_line(observer)?;
        if let Some(short) = self.cut_line.take() {
            let value = self.name(&module, &name, op::INST, observer);
            self.push(value)?;
            return Err(short.into());
        }
        let items = self.above_mark();
        let (items, fault) = match items {
            Ok(items) => (items, Ok(())),
            Err(fault) => (Vec::new(), Err(fault)),
        };
        let callee = self.name(&module, &name, op::INST, observer);
        let holds = self.holds_of(&items);
        let arguments = self.store.container(Kind::Tuple, &items, self.at, holds);
        let result = self.call(callee, arguments, Value::UNKNOWN, op::INST, observer);
        self.push(result)?;
        fault
    }

    pub(crate) fn obj(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        let items = self.above_mark()?;
        let Some((&callee, rest)) = items.split_first() else {
            self.push(Value::UNKNOWN)?;
            return Err(Fault::Soft("OBJ without a class"));
        };
        let holds = self.holds_of(rest);
        let arguments = self.store.container(Kind::Tuple, rest, self.at, holds);
        let result = self.call(callee, arguments, Value::UNKNOWN, op::OBJ, observer);
        self.push(result)
    }

    pub(crate) fn new_object(&mut self, opcode: u8, observer: &mut dyn Observer) -> Result<(), Fault> {
        let keywords = if opcode == op::NEWOBJ_EX { self.pop() } else { Some(Value::UNKNOWN) };
        let arguments = self.pop();
        let callee = self.pop();
        let (Some(keywords), Some(arguments), Some(callee)) = (keywords, arguments, callee) else {
            self.push(Value::UNKNOWN)?;
            return Err(Fault::Soft("fewer values on the stack than NEWOBJ takes"));
        };
        let result = self.call(callee, arguments, keywords, opcode, observer);
        self.push(result)
    }

    /// Carries out a call: follows wrappers, tells the observer, gives the result.
    fn call(
        &mut self,
        callee: Value,
        arguments: Value,
        keywords: Value,
        opcode: u8,
        observer: &mut dyn Observer,
    ) -> Value {
        let (items, complete) = self.store.items(arguments, 256);
        let target = calls::follow(self, callee, items, complete, observer);
        let Target { callee: effective, arguments: items, complete, value, through } = target;
        let mut holds = self.holds_of(&[arguments, callee, keywords]);
        holds.weight = 1;
        let special = view!(self).global(effective).and_then(|g| g.special);
        let kind = self.result_kind(callee, effective, opcode, special);
        let result = match value {
            Some(value) => value,
            None => match kind {
                // `functools.partial(f, *args)`: what is called later is f.
                Kind::Partial => {
                    let (&function, rest) = items.split_first().unwrap_or((&Value::UNKNOWN, &[]));
                    let bound = self.store.container(Kind::Tuple, rest, self.at, holds);
                    self.store.record(Kind::Partial, function, bound, self.at, holds)
                }
                kind => self.store.record(kind, callee, arguments, self.at, holds),
            },
        };
        let event = Call {
            written: callee,
            written_arguments: arguments,
            callee: effective,
            through: &through,
            arguments: &items,
            complete,
            keywords,
            result,
            offset: self.at,
            opcode: op::name(opcode),
        };
        let mark = observer.call(&view!(self), &event);
        self.register_extension(special, &items);
        if special == Some(Special::Dtype) {
            array::remember_dtype(self, result);
        }
        // What a reported call made stays marked, also where the result has no node of its own.
        let mark = if mark == 0 && !result.has_node() { holds.mark } else { mark };
        if mark != 0 { self.marked(result, mark) } else { result }
    }

    /// The result carries the mark. A result that has no node of its own gets one.
    fn marked(&mut self, result: Value, mark: u32) -> Value {
        if self.store.mark(result, mark) {
            return result;
        }
        let holds = Holds { mark, ..view!(self).holds(result) };
        if result.kind() == Kind::Global {
            let arguments = self.store.container(Kind::Tuple, &[], self.at, Holds::NOTHING);
            return self.store.record(Kind::Partial, result, arguments, self.at, holds);
        }
        self.store.record(Kind::Result, Value::UNKNOWN, Value::EMPTY_TUPLE, self.at, holds)
    }

    fn result_kind(&self, callee: Value, effective: Value, opcode: u8, special: Option<Special>) -> Kind {
        let new = matches!(opcode, op::NEWOBJ | op::NEWOBJ_EX);
        match special {
            // partial(f)(x) goes through `follow`; here the callee is partial itself.
            Some(Special::Partial) => return Kind::Partial,
            Some(Special::AttributeGetter | Special::ItemGetter | Special::MethodCaller) if callee == effective => {
                return Kind::Method;
            }
            _ => {}
        }
        let Some(global) = view!(self).global(effective).map(|g| g.judgement) else { return Kind::Result };
        use modelaudit_pickle_policy::Judgement;
        match global {
            Judgement::Safe(_) => Kind::Object,
            _ if new => Kind::Object,
            _ => Kind::Result,
        }
    }

    /// `copyreg.add_extension(module, name, code)`.
    fn register_extension(&mut self, special: Option<Special>, items: &[Value]) {
        if special != Some(Special::AddExtension) || self.extensions.len() > 4096 {
            return;
        }
        if let [module, name, code, ..] = *items {
            let view = view!(self);
            let names = (view.text(module, NAME as usize), view.text(name, NAME as usize));
            if let ((Some(module), Some(name)), Some(code)) = (names, view.int(code)) {
                self.extensions.insert(code, (module, name));
            }
        }
    }

    // -- state

    pub(crate) fn build(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        let state = self.pop();
        let object = self.stack.last().copied();
        let (Some(state), Some(object)) = (state, object) else {
            return Err(Fault::Soft("fewer than two values on the stack for BUILD"));
        };
        let mut held = self.holds_of(&[state]);
        held.weight = 0;
        // functools.partial.__setstate__((function, args, keywords, dict)) replaces what is called.
        let retarget = if object.kind() == Kind::Partial && state.kind() == Kind::Tuple {
            match self.store.items(state, 2).0.as_slice() {
                [function, arguments] => Some((*function, *arguments)),
                _ => None,
            }
        } else {
            None
        };
        if let Some(node) = self.store.node_mut(object)
            && !object.is_container()
        {
            match retarget {
                Some((function, arguments)) => {
                    node.a = function.raw();
                    node.b = arguments.raw();
                }
                None => node.c = state.raw(),
            }
        }
        if !object.is_container() {
            self.store.add_holds(object, held);
        }
        let event = Build { object, state, offset: self.at };
        let mark = observer.build(&view!(self), &event);
        if mark != 0 {
            self.store.mark(object, mark);
        }
        if object.kind() == Kind::Object {
            array::remember_dtype(self, object);
        }
        if self.reading.arrays && !self.nested() {
            return array::after_build(self, object, state, observer);
        }
        Ok(())
    }

    pub(crate) fn insert(&mut self, opcode: u8, observer: &mut dyn Observer) -> Result<(), Fault> {
        let several = matches!(opcode, op::APPENDS | op::SETITEMS | op::ADDITEMS);
        let keyed = matches!(opcode, op::SETITEM | op::SETITEMS);
        let begin = if several {
            self.pop_mark()?
        } else {
            let floor = self.stack.len().checked_sub(if keyed { 2 } else { 1 });
            floor.ok_or(Fault::Soft("nothing on the stack to insert"))?
        };
        let container = match begin.checked_sub(1).and_then(|at| self.stack.get(at)) {
            Some(&container) => container,
            None => {
                self.stack.truncate(begin);
                return Err(Fault::Soft("no container on the stack to insert into"));
            }
        };
        let items = self.stack.get(begin..).unwrap_or_default();
        let odd = keyed && items.len() % 2 == 1;
        let holds = self.holds_of(items);
        if container.is_container() {
            self.store.append(container, items, holds);
        }
        let fits = match container.kind() {
            Kind::List => !keyed && opcode != op::ADDITEMS,
            Kind::Dict => keyed,
            Kind::Set => opcode == op::ADDITEMS,
            _ => false,
        };
        if fits {
            self.tell_items(container, begin, keyed, opcode, observer);
            self.weigh(container, observer);
        } else {
            if !container.is_container() {
                self.store.add_holds(container, Holds { weight: 0, ..holds });
            }
            self.tell_every_item(container, begin, keyed, opcode, observer);
        }
        self.stack.truncate(begin);
        if odd { Err(Fault::Soft("a key without a value in SETITEMS")) } else { Ok(()) }
    }

    /// Items that are no constants; a list of a million numbers is one comparison each.
    fn tell_items(&mut self, container: Value, begin: usize, keyed: bool, opcode: u8, observer: &mut dyn Observer) {
        let step = if keyed { 2 } else { 1 };
        let mut at = begin;
        while let Some(&first) = self.stack.get(at) {
            let second = if keyed { self.stack.get(at + 1).copied().unwrap_or(Value::UNKNOWN) } else { first };
            if !second.is_constant() || (keyed && !first.is_constant()) {
                let key = if keyed { first } else { Value::UNKNOWN };
                let event = Item { container, key, value: second, offset: self.at, opcode: op::name(opcode) };
                observer.item(&view!(self), &event);
            }
            at += step;
        }
    }

    /// On something else than the plain container a method is called for each item; the first few tell what it is.
    fn tell_every_item(
        &mut self,
        container: Value,
        begin: usize,
        keyed: bool,
        opcode: u8,
        observer: &mut dyn Observer,
    ) {
        let step = if keyed { 2 } else { 1 };
        let mut told = 0;
        let mut at = begin;
        while let Some(&first) = self.stack.get(at) {
            let second = if keyed { self.stack.get(at + 1).copied().unwrap_or(Value::UNKNOWN) } else { first };
            if told < 8 || !second.is_constant() {
                let key = if keyed { first } else { Value::UNKNOWN };
                let event = Item { container, key, value: second, offset: self.at, opcode: op::name(opcode) };
                observer.item(&view!(self), &event);
                told += 1;
            }
            at += step;
        }
    }

    /// Containers in containers in containers, each several times.
    fn weigh(&mut self, container: Value, observer: &mut dyn Observer) {
        let weight = self.store.node(container).map_or(0, |n| n.holds.weight);
        if weight >= BOMB && weight >> 16 > self.input.end().saturating_sub(self.input.start()) {
            self.odd(Oddity::Fanout(weight), 9, observer);
        }
    }

    pub(crate) fn persistent(&mut self, opcode: u8, observer: &mut dyn Observer) -> Result<(), Fault> {
        let id = if opcode == op::PERSID {
            let _ = self.input.line()?;
            // The line has the layout of a UNICODE argument without its escapes: close enough to show and compare.
            Some(Value::new(Kind::Str, self.at))
        } else {
            self.pop()
        };
        let fault = if id.is_none() { Err(Fault::Soft("nothing on the stack for BINPERSID")) } else { Ok(()) };
        let id = id.unwrap_or(Value::UNKNOWN);
        let mut holds = self.holds_of(&[id]);
        holds.weight = 1;
        let value = self.store.record(Kind::Persistent, id, Value::EMPTY_TUPLE, self.at, holds);
        observer.persistent(&view!(self), &Persistent { id, value, offset: self.at });
        self.push(value)?;
        fault
    }
}
