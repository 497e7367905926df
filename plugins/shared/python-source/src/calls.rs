//! Calls: who is called, with what, and what comes back.

use ruff_python_ast::{Expr, ExprCall, IpyEscapeKind};
use ruff_text_size::Ranged;

use crate::evidence::{Evidence, Weight};
use crate::machine::Machine;
use crate::value::{Marks, Shape, Value};
use crate::{fold, known, library};

/// Most arguments that are looked at.
const MOST_ARGUMENTS: usize = 256;

/// The arguments of a call and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) values: Vec<Value>,
    pub(crate) keywords: Vec<(String, Value)>,
    pub(crate) offset: usize,
}

impl Arguments {
    /// The positional argument, or the keyword of one of the names.
    pub(crate) fn get(&self, index: usize, names: &[&str]) -> Option<&Value> {
        self.values.get(index).or_else(|| self.keyword(names))
    }

    /// The keyword of one of the names.
    pub(crate) fn keyword(&self, names: &[&str]) -> Option<&Value> {
        self.keywords.iter().find(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| value)
    }

    /// Whether a keyword is literally that truth value.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.keyword(&[name])?.shape {
            Shape::Bool(flag) => Some(flag),
            Shape::Int(number) => Some(number != 0),
            _ => None,
        }
    }

    /// Every argument.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Value> {
        self.values.iter().chain(self.keywords.iter().map(|(_, value)| value))
    }

    /// Where the arguments came from; the environment as a whole counts as a secret.
    pub(crate) fn marks(&self) -> Marks {
        self.all().fold(Marks::NONE, |marks, value| {
            let secret = if value.as_path() == Some("os.environ") { Marks::SECRET } else { Marks::NONE };
            marks.and(value.marks).and(secret)
        })
    }
}

impl<'a> Machine<'a> {
    /// Evaluates a call.
    pub(crate) fn call(&mut self, node: &'a ExprCall) -> Value {
        let (callee, receiver) = match node.func.as_ref() {
            Expr::Attribute(attribute) => {
                let owner = self.evaluate(&attribute.value);
                (self.attribute(&owner, attribute.attr.as_str()), Some((owner, attribute.attr.as_str())))
            }
            func => (self.evaluate(func), None),
        };
        let arguments = self.arguments(node);
        if let Expr::Lambda(lambda) = node.func.as_ref() {
            // Called where it stands: it runs now, with these arguments.
            if let Some(parameters) = &lambda.parameters {
                for (parameter, value) in parameters.iter_non_variadic_params().zip(&arguments.values) {
                    self.bind(parameter.parameter.name.as_str(), value.clone());
                }
            }
            return self.evaluate(&lambda.body);
        }
        if arguments.flag("trust_remote_code") == Some(true) {
            self.note(Evidence {
                rule: &modelaudit_rules::python::S119,
                reach: self.reach,
                weight: Weight::Fact,
                call: "trust_remote_code=True".to_owned(),
                what: "lets a library run the Python files of a repository".to_owned(),
                decoded: None,
                offset: arguments.offset,
            });
        }
        if let Some((owner, name)) = &receiver
            && let Some(value) = self.method(owner, name, &arguments)
        {
            return value;
        }
        let mut result: Option<Value> = None;
        for choice in callee.choices() {
            let value = self.call_value(choice, &arguments);
            result = Some(match result {
                Some(before) => before.either(value),
                None => value,
            });
        }
        result.unwrap_or(Value::UNKNOWN)
    }

    fn arguments(&mut self, node: &'a ExprCall) -> Arguments {
        let mut values = Vec::with_capacity(node.arguments.args.len().min(MOST_ARGUMENTS));
        for argument in &node.arguments.args {
            let value = match argument {
                Expr::Starred(starred) => {
                    let value = self.evaluate(&starred.value);
                    match fold::elements(&value, MOST_ARGUMENTS) {
                        Some(items) => {
                            values.extend(items);
                            continue;
                        }
                        None => Value::unknown(value.marks),
                    }
                }
                argument => self.evaluate(argument),
            };
            if values.len() < MOST_ARGUMENTS {
                values.push(value);
            }
        }
        let mut keywords = Vec::new();
        for keyword in &node.arguments.keywords {
            let value = self.evaluate(&keyword.value);
            if keywords.len() < MOST_ARGUMENTS {
                keywords.push((keyword.arg.as_ref().map_or(String::new(), |arg| arg.to_string()), value));
            }
        }
        Arguments { values, keywords, offset: node.range().start().to_usize() }
    }

    /// A method of a known text, list or open file.
    fn method(&mut self, owner: &Value, name: &str, arguments: &Arguments) -> Option<Value> {
        match &owner.shape {
            Shape::File(path) => {
                let marks = owner.marks.and(arguments.marks());
                if matches!(name, "write" | "writelines")
                    && arguments.marks().has(Marks::DOWNLOADED)
                    && !path.is_empty()
                {
                    self.downloads.push(path.clone());
                }
                Some(Value::unknown(marks.and(Marks::FILE)))
            }
            Shape::Text(path) => match name {
                // No text has these methods: it stands for a path of pathlib.
                "write_text" | "write_bytes" | "touch" | "symlink_to" => {
                    self.writes(path, &format!("{name}()"), arguments);
                    Some(Value::UNKNOWN)
                }
                "open" => Some(self.opened(owner, arguments.get(0, &["mode"]), "open", arguments)),
                "read_text" | "read_bytes" => {
                    let secret = if known::holds_credentials(path) { Marks::SECRET } else { Marks::NONE };
                    Some(Value::unknown(owner.marks.and(secret).and(Marks::FILE)))
                }
                _ => {
                    let folded = fold::method(owner, name, &arguments.values);
                    self.folded(folded)
                }
            },
            _ => {
                let folded = fold::method(owner, name, &arguments.values);
                self.folded(folded)
            }
        }
    }

    /// Calls one thing that the callee may be.
    pub(crate) fn call_value(&mut self, callee: &Value, arguments: &Arguments) -> Value {
        self.hidden_targets(callee, arguments);
        match &callee.shape {
            Shape::Function(index) => {
                let value = self.visit(*index, &arguments.values, &arguments.keywords, None);
                value.unwrap_or(Value::unknown(arguments.marks().without(Marks::COMPUTED.and(Marks::ODD))))
            }
            Shape::Method { function, class } => {
                let this = Value::new(Shape::Instance(*class), Marks::NONE);
                let value = self.visit(*function, &arguments.values, &arguments.keywords, Some(this));
                value.unwrap_or(Value::unknown(arguments.marks().without(Marks::COMPUTED.and(Marks::ODD))))
            }
            Shape::Class(class) => {
                let initializer = self.classes.get(*class).and_then(|class| class.members.get("__init__"));
                let instance = Value::new(Shape::Instance(*class), Marks::NONE);
                if let Some(Value { shape: Shape::Function(function), .. }) = initializer {
                    self.visit(*function, &arguments.values, &arguments.keywords, Some(instance.clone()));
                }
                instance
            }
            Shape::Instance(class) => {
                let call = self.classes.get(*class).and_then(|class| class.members.get("__call__"));
                let Some(Value { shape: Shape::Function(function), .. }) = call else {
                    return Value::unknown(arguments.marks().without(Marks::COMPUTED.and(Marks::ODD)));
                };
                let function = *function;
                let value = self.visit(function, &arguments.values, &arguments.keywords, Some(callee.clone()));
                value.unwrap_or(Value::UNKNOWN)
            }
            Shape::Path(path) => {
                let path = path.clone();
                self.act(&path, callee.marks, arguments);
                self.library(&path, callee.marks, arguments)
            }
            _ => Value::unknown(callee.marks.and(arguments.marks()).without(Marks::COMPUTED.and(Marks::ODD))),
        }
    }

    /// Functions that are handed to a caller (`Thread(target=os.system, args=('id',))`, `map(exec, texts)`): they will be called
    /// with the other arguments.
    fn hidden_targets(&mut self, callee: &Value, arguments: &Arguments) {
        const CALLERS: &[&str] = &[
            "threading.Thread",
            "threading.Timer",
            "multiprocessing.Process",
            "atexit.register",
            "_thread.start_new_thread",
            "builtins.map",
            "builtins.filter",
            "asyncio.run",
        ];
        const HARMLESS: &[&str] =
            &["isinstance", "issubclass", "hasattr", "print", "getattr", "setattr", "id", "repr", "str"];
        if let Some(path) = callee.as_path()
            && HARMLESS.contains(&path.strip_prefix("builtins.").unwrap_or(path))
        {
            return;
        }
        let calls_on = callee.as_path().is_some_and(|path| CALLERS.contains(&path));
        let mut target = None;
        for value in arguments.all() {
            match &value.shape {
                Shape::Path(path) if known::effect(path).is_some_and(|(effect, _)| library::is_act(effect)) => {
                    target = Some(value.clone());
                }
                Shape::Function(_) | Shape::Method { .. } if calls_on => target = Some(value.clone()),
                _ => {}
            }
        }
        let Some(target) = target else { return };
        let mut values = Vec::new();
        for value in arguments.values.iter().chain(arguments.keyword(&["args"])) {
            match &value.shape {
                Shape::Path(path) if Some(&**path) == target.as_path() => {}
                Shape::Function(_) | Shape::Method { .. } => {}
                Shape::List(items) => values.extend(items.iter().take(MOST_ARGUMENTS).cloned()),
                _ => values.push(value.clone()),
            }
        }
        let inner = Arguments { values, keywords: Vec::new(), offset: arguments.offset };
        match &target.shape {
            Shape::Path(path) => self.act(&path.clone(), target.marks, &inner),
            // With unknown arguments: which of them it gets is not known.
            Shape::Function(index) => {
                self.visit(*index, &inner.values, &[], None);
            }
            Shape::Method { function, class } => {
                self.visit(*function, &inner.values, &[], Some(Value::new(Shape::Instance(*class), Marks::NONE)));
            }
            _ => {}
        }
    }

    /// A line of IPython: `!command`, `%magic`.
    pub(crate) fn magic(&mut self, kind: IpyEscapeKind, text: &str, offset: usize) {
        let command = match kind {
            IpyEscapeKind::Shell | IpyEscapeKind::ShCap => text,
            IpyEscapeKind::Magic | IpyEscapeKind::Magic2 => match text.split_once(char::is_whitespace) {
                Some(("sx" | "system" | "bash" | "sh", rest)) => rest,
                _ => return,
            },
            _ => return,
        };
        let arguments = Arguments { values: vec![Value::text(command, Marks::NONE)], keywords: Vec::new(), offset };
        self.act("os.system", Marks::NONE, &arguments);
    }
}
