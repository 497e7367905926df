//! Walks a module's statements in order, with what is known of each variable.
//!
//! Nothing is run: both branches of an `if` are read, a function of the file is read at its calls with the arguments it gets (so that a
//! decoder written by hand decodes), and once more by itself if nobody calls it. What is computed beyond one pass (calls followed into
//! functions, loops unrolled, texts folded) is paid out of a budget; when it is spent, values become unknown, and nothing is skipped.

use std::collections::HashMap;
use std::rc::Rc;

use ruff_python_ast::{ExceptHandler, Expr, Stmt, StmtClassDef, StmtFunctionDef};
use ruff_text_size::Ranged;

use crate::evidence::{Evidence, Reach, Role, Weight};
use crate::value::{Marks, Shape, Value};
use crate::variables::constant;
use crate::{effects::Flags, fold};

/// Steps that may be spent on unrolled loops and followed calls.
const BUDGET: u64 = 400_000;
/// Bytes that may be copied while texts are folded.
const BUDGET_BYTES: u64 = 64 << 20;
/// Levels of calls that are followed.
const DEEPEST_CALLS: usize = 6;
/// Expressions and blocks inside one another, calls included, up to which calls are followed: beyond it the stack of the sandbox ends.
const DEEPEST: usize = 350;
/// Times that one function is followed.
const MOST_VISITS: usize = 24;
/// Longest known list that a loop is unrolled over.
const LONGEST_LOOP: usize = 4096;
/// Pieces of evidence that are kept; a file with more is told by them.
const MOST_EVIDENCE: usize = 2000;
/// Methods that loaders of models call. Sources: transformers' and diffusers' custom pipelines, TorchServe's handlers, Hugging Face's
/// inference endpoints.
const LOADED: &[&str] = &[
    "__init__",
    "__call__",
    "forward",
    "from_pretrained",
    "generate",
    "handle",
    "inference",
    "initialize",
    "preprocess",
    "postprocess",
    "setup",
    "load_model",
];

/// Variables of one function, class body or the module.
#[derive(Default)]
pub(crate) struct Scope {
    pub(crate) variables: HashMap<String, Value>,
    pub(crate) globals: Vec<String>,
    returned: Option<Value>,
    pub(crate) flags: Flags,
}

/// A function of the file.
pub(crate) struct Function<'a> {
    pub(crate) node: &'a StmtFunctionDef,
    /// It stands in another function, whose variables it sees.
    nested: bool,
    /// The class that it is a method of.
    class: Option<usize>,
    visits: usize,
}

/// A class of the file.
#[derive(Default)]
pub(crate) struct Class {
    pub(crate) members: HashMap<String, Value>,
}

/// What the walk starts with.
pub(crate) struct Start {
    pub(crate) role: Role,
    /// The file is a setup script.
    pub(crate) setup: bool,
    /// When the module's own statements run.
    pub(crate) reach: Reach,
    /// How many texts around this one were handed to exec.
    pub(crate) nesting: usize,
    /// How deep the walk around it is.
    pub(crate) deep: usize,
}

/// The state of the walk.
pub(crate) struct Machine<'a> {
    pub(crate) scopes: Vec<Scope>,
    pub(crate) functions: Vec<Function<'a>>,
    pub(crate) classes: Vec<Class>,
    known: HashMap<usize, usize>,
    known_classes: HashMap<usize, usize>,
    /// Modules of `from x import *`.
    pub(crate) stars: Vec<String>,
    pub(crate) evidence: Vec<Evidence>,
    places: HashMap<usize, usize>,
    pub(crate) reach: Reach,
    pub(crate) role: Role,
    /// The file is a setup script, whose commands run while it is installed.
    setup: bool,
    pub(crate) branches: usize,
    calls: usize,
    pub(crate) steps: u64,
    bytes: u64,
    /// How many texts around this one were handed to exec.
    pub(crate) nesting: usize,
    /// Paths to which something was downloaded.
    pub(crate) downloads: Vec<Rc<str>>,
    /// What stands anywhere in the file, for attacks that are spread over functions.
    pub(crate) flags: Flags,
    class: Option<usize>,
    /// How many expressions and blocks the walk is inside of.
    pub(crate) deep: usize,
    /// A call was not followed because it stands too deep.
    pub(crate) too_deep: bool,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(start: Start) -> Self {
        let Start { role, setup, reach, nesting, deep } = start;
        Self {
            scopes: vec![Scope::default()],
            functions: Vec::new(),
            classes: Vec::new(),
            known: HashMap::new(),
            known_classes: HashMap::new(),
            stars: Vec::new(),
            evidence: Vec::new(),
            places: HashMap::new(),
            reach,
            role,
            setup,
            branches: 0,
            calls: 0,
            steps: BUDGET,
            bytes: BUDGET_BYTES,
            nesting,
            downloads: Vec::new(),
            flags: Flags::default(),
            class: None,
            deep,
            too_deep: false,
        }
    }

    /// Reads a module from its first statement to its last, then the functions that nothing called.
    pub(crate) fn read(mut self, body: &'a [Stmt]) -> (Vec<Evidence>, bool) {
        self.module(body);
        (self.evidence, self.too_deep)
    }

    fn module(&mut self, body: &'a [Stmt]) {
        self.statements(body);
        self.close_scope();
        let mut next = 0;
        while next < self.functions.len() {
            let function = &self.functions[next];
            let name = function.node.name.as_str();
            let in_class = function.class.is_some();
            let loaded = self.role == Role::Model
                && !function.nested
                && (LOADED.contains(&name) && (in_class || matches!(name, "handle" | "initialize" | "generate"))
                    || self.setup && in_class && name == "run");
            self.reach = if loaded { Reach::Load } else { Reach::Later };
            if loaded || function.visits == 0 {
                self.visit(next, &[], &[], None);
            }
            next += 1;
        }
    }

    /// Notes evidence; of the same place, the worst: one payload is one finding.
    pub(crate) fn note(&mut self, evidence: Evidence) {
        let key = evidence.offset;
        if let Some(known) = self.places.get(&key).and_then(|index| self.evidence.get_mut(*index)) {
            let rank = |e: &Evidence| (e.severity(self.role), e.weight, e.reach);
            if rank(&evidence) >= rank(known) {
                *known = evidence;
            }
        } else if self.evidence.len() < MOST_EVIDENCE
            || evidence.weight > Weight::Unclear && self.evidence.len() < 2 * MOST_EVIDENCE
        {
            self.places.insert(key, self.evidence.len());
            self.evidence.push(evidence);
        }
    }

    /// Whether there is stack left to follow a call or to read a text that is run.
    pub(crate) fn has_room(&mut self) -> bool {
        self.too_deep |= self.deep > DEEPEST;
        self.deep <= DEEPEST
    }

    /// Pays for work beyond one pass; false when the budget is spent.
    pub(crate) fn pay(&mut self, steps: usize) -> bool {
        match self.steps.checked_sub(steps as u64) {
            Some(rest) => {
                self.steps = rest;
                true
            }
            None => false,
        }
    }

    /// Pays for a folded value; unknown when the budget is spent.
    pub(crate) fn folded(&mut self, value: Option<Value>) -> Option<Value> {
        let length = match value.as_ref().map(|v| &v.shape) {
            Some(Shape::Text(text)) => text.len(),
            Some(Shape::Bytes(bytes)) => bytes.len(),
            Some(Shape::List(items)) => 32 * items.len(),
            _ => 0,
        };
        match self.bytes.checked_sub(length as u64) {
            Some(rest) => {
                self.bytes = rest;
                value
            }
            None => value.map(|v| Value::unknown(v.marks)),
        }
    }

    fn statements(&mut self, body: &'a [Stmt]) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn branch(&mut self, body: &'a [Stmt]) {
        self.branches += 1;
        self.deep += 1;
        self.statements(body);
        self.deep -= 1;
        self.branches -= 1;
    }

    fn statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(node) => self.define_function(node),
            Stmt::ClassDef(node) => self.define_class(node),
            Stmt::Return(node) => {
                let value = node.value.as_deref().map_or(Value::new(Shape::None, Marks::NONE), |v| self.evaluate(v));
                if let Some(scope) = self.scopes.last_mut() {
                    scope.returned = Some(match scope.returned.take() {
                        Some(before) => before.either(value),
                        None => value,
                    });
                }
            }
            Stmt::Assign(node) => {
                let value = self.evaluate(&node.value);
                for target in &node.targets {
                    self.assign(target, value.clone());
                }
            }
            Stmt::AugAssign(node) => {
                let before = self.evaluate(&node.target);
                let right = self.evaluate(&node.value);
                let value = self.binary(node.op, &before, &right);
                // Within a loop or a branch the sum replaces what it was made of.
                let branches = std::mem::take(&mut self.branches);
                self.assign(&node.target, value);
                self.branches = branches;
            }
            Stmt::AnnAssign(node) => {
                self.evaluate(&node.annotation);
                if let Some(value) = &node.value {
                    let value = self.evaluate(value);
                    self.assign(&node.target, value);
                }
            }
            Stmt::For(node) => {
                let iterated = self.evaluate(&node.iter);
                self.repeat(&node.target, &iterated, &node.body);
                self.branch(&node.orelse);
            }
            Stmt::While(node) => {
                self.evaluate(&node.test);
                self.branch(&node.body);
                self.branch(&node.orelse);
            }
            Stmt::If(node) => self.condition(node),
            Stmt::With(node) => {
                for item in &node.items {
                    let value = self.evaluate(&item.context_expr);
                    if let Some(target) = &item.optional_vars {
                        self.assign(target, value);
                    }
                }
                self.statements(&node.body);
            }
            Stmt::Match(node) => {
                self.evaluate(&node.subject);
                for case in &node.cases {
                    if let Some(guard) = &case.guard {
                        self.evaluate(guard);
                    }
                    self.branch(&case.body);
                }
            }
            Stmt::Raise(node) => {
                node.exc.iter().chain(&node.cause).for_each(|e| {
                    self.evaluate(e);
                });
            }
            Stmt::Try(node) => {
                self.statements(&node.body);
                for ExceptHandler::ExceptHandler(handler) in &node.handlers {
                    self.branch(&handler.body);
                }
                self.branch(&node.orelse);
                self.statements(&node.finalbody);
            }
            Stmt::Assert(node) => {
                self.evaluate(&node.test);
                if let Some(message) = &node.msg {
                    self.evaluate(message);
                }
            }
            Stmt::Import(node) => {
                for alias in &node.names {
                    let name = alias.name.as_str();
                    match &alias.asname {
                        Some(bound) => self.bind(bound.as_str(), self.module_value(name)),
                        None => {
                            let top = name.split('.').next().unwrap_or(name);
                            self.bind(top, self.module_value(top));
                        }
                    }
                }
            }
            Stmt::ImportFrom(node) => {
                // What a package of its own exports is not known; a leading dot keeps it apart from the libraries.
                let dots = ".".repeat(usize::try_from(node.level.min(8)).unwrap_or(1));
                let module = format!("{dots}{}", node.module.as_ref().map_or("", |m| m.as_str()));
                for alias in &node.names {
                    if alias.name.as_str() == "*" {
                        if self.stars.len() < 64 {
                            self.stars.push(module.clone());
                        }
                        continue;
                    }
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    self.bind(bound, self.module_value(&format!("{module}.{}", alias.name.as_str())));
                }
            }
            Stmt::Global(node) => {
                if let Some(scope) = self.scopes.last_mut() {
                    scope.globals.extend(node.names.iter().map(|n| n.to_string()));
                }
            }
            Stmt::Expr(node) => {
                self.evaluate(&node.value);
            }
            Stmt::Delete(node) => {
                for target in &node.targets {
                    self.evaluate(target);
                }
            }
            Stmt::IpyEscapeCommand(node) => self.magic(node.kind, &node.value, node.range().start().to_usize()),
            Stmt::TypeAlias(_) | Stmt::Nonlocal(_) | Stmt::Pass(_) | Stmt::Break(_) | Stmt::Continue(_) => {}
        }
    }

    fn module_value(&self, path: &str) -> Value {
        Value::path(&crate::known::canonical(path), Marks::NONE)
    }

    fn condition(&mut self, node: &'a ruff_python_ast::StmtIf) {
        self.evaluate(&node.test);
        if is_main_guard(&node.test) {
            // Runs when somebody starts the file, not when it is imported.
            let reach = std::mem::replace(&mut self.reach, Reach::Later);
            self.branch(&node.body);
            self.reach = reach;
        } else {
            self.branch(&node.body);
        }
        for clause in &node.elif_else_clauses {
            if let Some(test) = &clause.test {
                self.evaluate(test);
            }
            self.branch(&clause.body);
        }
    }

    /// A loop: unrolled over what is known, else read once.
    fn repeat(&mut self, target: &'a Expr, iterated: &Value, body: &'a [Stmt]) {
        let size = body.iter().map(|s| s.range().len().to_usize()).sum::<usize>() / 8 + 1;
        let items = fold::elements(iterated, LONGEST_LOOP).filter(|items| !items.is_empty());
        if let Some(items) = items.filter(|items| items.len() == 1 || self.pay(items.len().saturating_mul(size))) {
            let branches = std::mem::take(&mut self.branches);
            for item in items {
                self.assign(target, item);
                self.statements(body);
            }
            self.branches = branches;
        } else {
            let marks = iterated.marks.without(Marks::COMPUTED.and(Marks::ODD));
            self.assign(target, Value::unknown(marks));
            self.branch(body);
        }
    }

    fn define_function(&mut self, node: &'a StmtFunctionDef) {
        for decorator in &node.decorator_list {
            self.evaluate(&decorator.expression);
        }
        for parameter in node.parameters.iter_non_variadic_params() {
            if let Some(default) = parameter.default() {
                self.evaluate(default);
            }
        }
        let key = node.range().start().to_usize();
        let index = *self.known.entry(key).or_insert(self.functions.len());
        if index == self.functions.len() {
            let nested = self.calls > 0;
            self.functions.push(Function { node, nested, class: self.class, visits: 0 });
        }
        self.bind(node.name.as_str(), Value::new(Shape::Function(index), Marks::NONE));
    }

    fn define_class(&mut self, node: &'a StmtClassDef) {
        for decorator in &node.decorator_list {
            self.evaluate(&decorator.expression);
        }
        if let Some(arguments) = &node.arguments {
            arguments.args.iter().chain(arguments.keywords.iter().map(|k| &k.value)).for_each(|e| {
                self.evaluate(e);
            });
        }
        let key = node.range().start().to_usize();
        let index = *self.known_classes.entry(key).or_insert(self.classes.len());
        if index == self.classes.len() {
            self.classes.push(Class::default());
        }
        let outer = self.class.replace(index);
        self.scopes.push(Scope::default());
        self.statements(&node.body);
        self.class = outer;
        let scope = self.close_scope();
        if let (Some(class), Some(scope)) = (self.classes.get_mut(index), scope) {
            class.members = scope.variables;
        }
        self.bind(node.name.as_str(), Value::new(Shape::Class(index), Marks::NONE));
    }

    /// Reads a function with those arguments and gives what it returns.
    pub(crate) fn visit(
        &mut self,
        index: usize,
        args: &[Value],
        keywords: &[(String, Value)],
        this: Option<Value>,
    ) -> Option<Value> {
        let function = self.functions.get_mut(index)?;
        let (node, nested, class) = (function.node, function.nested, function.class);
        let first = function.visits == 0;
        if !first && function.visits >= MOST_VISITS || self.calls >= DEEPEST_CALLS {
            return None;
        }
        if !self.has_room() {
            return None;
        }
        self.functions.get_mut(index)?.visits += 1;
        // The first reading is part of the one pass; more of them are paid for.
        if !first && !self.pay(node.range().len().to_usize() / 8 + 1) {
            return None;
        }
        let mut scope = Scope::default();
        let is_static = node
            .decorator_list
            .iter()
            .any(|d| matches!(&d.expression, Expr::Name(n) if n.id.as_str() == "staticmethod"));
        let this = this.or_else(|| class.map(|class| Value::new(Shape::Instance(class), Marks::NONE)));
        let mut values = this.filter(|_| class.is_some() && !is_static).into_iter().chain(args.iter().cloned());
        let parameters = &node.parameters;
        for parameter in parameters.posonlyargs.iter().chain(&parameters.args).chain(&parameters.kwonlyargs) {
            let name = parameter.parameter.name.as_str();
            let keyword = keywords.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            let default = || parameter.default().and_then(constant);
            let value = keyword.or_else(|| values.next()).or_else(default).unwrap_or(Value::UNKNOWN);
            scope.variables.insert(name.to_owned(), value);
        }
        // A method sees the module's variables, a nested function those around it.
        let outer = if nested { Vec::new() } else { self.scopes.split_off(1) };
        let outer_class = self.class.take();
        let branches = std::mem::take(&mut self.branches);
        self.scopes.push(scope);
        self.calls += 1;
        let inner = self.functions.len();
        self.statements(&node.body);
        // Functions in it that it only hands out are read while its variables are known.
        let reach = std::mem::replace(&mut self.reach, Reach::Later);
        for index in inner..self.functions.len() {
            if self.functions.get(index).is_some_and(|function| function.visits == 0) {
                self.visit(index, &[], &[], None);
            }
        }
        self.reach = reach;
        self.calls -= 1;
        self.branches = branches;
        self.class = outer_class;
        let scope = self.close_scope();
        self.scopes.extend(outer);
        scope.and_then(|scope| scope.returned)
    }

    /// Leaves a scope: what happened in it is judged together.
    fn close_scope(&mut self) -> Option<Scope> {
        let scope = if self.scopes.len() > 1 {
            self.scopes.pop()?
        } else {
            std::mem::take(self.scopes.first_mut()?).restored(self)
        };
        if let Some(evidence) = scope.flags.verdict() {
            self.note(evidence);
        }
        // What a called function did, its caller did.
        if let Some(outer) = self.scopes.last_mut() {
            outer.flags.absorb(&scope.flags);
        }
        self.flags.absorb(&scope.flags);
        Some(scope)
    }
}

impl Scope {
    /// The module's variables stay when it is closed.
    fn restored(mut self, machine: &mut Machine<'_>) -> Scope {
        if let Some(module) = machine.scopes.first_mut() {
            module.variables = std::mem::take(&mut self.variables);
            module.globals = std::mem::take(&mut self.globals);
        }
        self
    }
}

/// `__name__ == '__main__'`, either way round, perhaps with more conditions.
fn is_main_guard(test: &Expr) -> bool {
    if let Expr::BoolOp(node) = test {
        return node.op == ruff_python_ast::BoolOp::And && node.values.iter().any(is_main_guard);
    }
    let Expr::Compare(compare) = test else { return false };
    let name = |e: &Expr| matches!(e, Expr::Name(n) if n.id.as_str() == "__name__");
    let main = |e: &Expr| matches!(e, Expr::StringLiteral(s) if s.value.to_str() == "__main__");
    let [right] = compare.comparators.as_ref() else { return false };
    let equal = matches!(compare.ops.as_ref(), [ruff_python_ast::CmpOp::Eq]);
    equal && (name(&compare.left) && main(right) || main(&compare.left) && name(right))
}
