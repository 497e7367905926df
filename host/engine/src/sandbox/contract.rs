//! Contract 0.1.0 as the host speaks it: the types of wit/v0.1 and the functions a plugin may call.
//!
//! Written by hand and not generated, because every function has to pass one gate first (deadline, fuel; see state.rs) that
//! generated traits don't reach. wasmtime compares the types with the component's when it links, so they can't drift.

use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};
use wasmtime::{Engine, Result, StoreContextMut};

use super::state::{FindingHandle, State};
use crate::model;
use crate::plugin_info;
use crate::search;

/// The version of the contract that this host speaks.
pub const CONTRACT_VERSION: &str = "0.1.0";

/// What the name of a plugin's scanner export starts with; the version follows.
pub(super) const SCANNER_EXPORT_PREFIX: &str = "modelaudit:scanner/scanner@";

const INTERFACES: [&str; 3] =
    ["modelaudit:scanner/types@", "modelaudit:scanner/artifact@", "modelaudit:scanner/report@"];

/// True for the interfaces a plugin may import.
pub(super) fn is_contract_import(name: &str) -> bool {
    INTERFACES.iter().any(|interface| name.starts_with(interface))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "values are only ever lifted out of a plugin's memory")]
pub(super) enum Severity {
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warning")]
    Warning,
    #[component(name = "critical")]
    Critical,
}

impl From<Severity> for model::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Debug => Self::Debug,
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Span {
    offset: u64,
    length: u64,
}

impl From<Span> for model::Span {
    fn from(span: Span) -> Self {
        Self { offset: span.offset, length: span.length }
    }
}

#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Hit {
    anchor: u32,
    offset: u64,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Rule {
    id: String,
    title: String,
    severity: Severity,
    why: String,
    remedy: String,
    references: Vec<String>,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Magic {
    offset: u64,
    bytes: Vec<u8>,
    mask: Vec<u8>,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Format {
    id: String,
    title: String,
    extensions: Vec<String>,
    #[component(name = "file-names")]
    file_names: Vec<String>,
    magics: Vec<Magic>,
    #[component(name = "first-bytes")]
    first_bytes: Vec<u8>,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Manifest {
    name: String,
    version: String,
    summary: String,
    homepage: String,
    formats: Vec<Format>,
    anchors: Vec<Vec<u8>>,
    rules: Vec<Rule>,
}

impl From<Manifest> for plugin_info::Manifest {
    fn from(manifest: Manifest) -> Self {
        Self {
            name: manifest.name,
            version: manifest.version,
            summary: manifest.summary,
            homepage: manifest.homepage,
            formats: manifest
                .formats
                .into_iter()
                .map(|f| plugin_info::Format {
                    id: f.id,
                    title: f.title,
                    extensions: f.extensions,
                    file_names: f.file_names,
                    magics: f
                        .magics
                        .into_iter()
                        .map(|m| plugin_info::Magic { offset: m.offset, bytes: m.bytes, mask: m.mask })
                        .collect(),
                    first_bytes: f.first_bytes,
                })
                .collect(),
            anchors: manifest.anchors,
            rules: manifest
                .rules
                .into_iter()
                .map(|r| model::Rule {
                    id: r.id,
                    title: r.title,
                    severity: r.severity.into(),
                    why: r.why,
                    remedy: r.remedy,
                    references: r.references,
                })
                .collect(),
        }
    }
}

/// The artifact under scan: there is one a store, so the handle carries nothing.
pub(super) struct ArtifactHandle;

/// A child that is being unpacked.
pub(super) struct ChildHandle;

fn hits(hits: Vec<search::Hit>) -> Vec<Hit> {
    hits.into_iter().map(|h| Hit { anchor: h.literal, offset: h.offset }).collect()
}

type Ctx<'a> = StoreContextMut<'a, State>;
type Artifact = Resource<ArtifactHandle>;
type Finding = Resource<FindingHandle>;
type Child = Resource<ChildHandle>;

/// All that a plugin can call. Each function passes `State::enter` first.
pub(super) fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    link_artifact(&mut linker)?;
    link_report(&mut linker)?;
    Ok(linker)
}

fn link_artifact(linker: &mut Linker<State>) -> Result<()> {
    let mut artifact = linker.instance("modelaudit:scanner/artifact@0.1.0")?;
    artifact.resource("artifact", ResourceType::host::<ArtifactHandle>(), |_, _| Ok(()))?;
    artifact.func_wrap("[method]artifact.name", |mut store: Ctx<'_>, (_,): (Artifact,)| {
        Ok((State::enter(&mut store)?.name(),))
    })?;
    artifact.func_wrap("[method]artifact.lineage", |mut store: Ctx<'_>, (_,): (Artifact,)| {
        Ok((State::enter(&mut store)?.lineage(),))
    })?;
    artifact.func_wrap("[method]artifact.siblings", |mut store: Ctx<'_>, (_,): (Artifact,)| {
        Ok((State::enter(&mut store)?.siblings()?,))
    })?;
    artifact.func_wrap("[method]artifact.size", |mut store: Ctx<'_>, (_,): (Artifact,)| {
        Ok((State::enter(&mut store)?.task().bytes.size(),))
    })?;
    artifact.func_wrap("[method]artifact.read", |mut store: Ctx<'_>, (_, offset, length): (Artifact, u64, u32)| {
        Ok((State::enter(&mut store)?.read(offset, length)?,))
    })?;
    artifact.func_wrap("[method]artifact.hits", |mut store: Ctx<'_>, (_, start, limit): (Artifact, u64, u32)| {
        Ok((hits(State::enter(&mut store)?.hits(start, limit)?),))
    })?;
    artifact.func_wrap(
        "[method]artifact.find",
        |mut store: Ctx<'_>, (_, literals, within, limit): (Artifact, Vec<Vec<u8>>, Span, u32)| {
            Ok((hits(State::enter(&mut store)?.find(&literals, within.into(), limit)?),))
        },
    )?;
    artifact.func_wrap(
        "[method]artifact.digest",
        |mut store: Ctx<'_>, (_, algorithm, within): (Artifact, String, Span)| {
            Ok((State::enter(&mut store)?.digest(&algorithm, within.into())?,))
        },
    )?;
    linker.instance("modelaudit:scanner/types@0.1.0")?;
    Ok(())
}

fn link_report(linker: &mut Linker<State>) -> Result<()> {
    let mut report = linker.instance("modelaudit:scanner/report@0.1.0")?;
    report.resource("finding", ResourceType::host::<FindingHandle>(), |mut store, rep| {
        store.data_mut().drop_finding(rep);
        Ok(())
    })?;
    report.func_wrap("[constructor]finding", |mut store: Ctx<'_>, (rule, message): (String, String)| {
        Ok((State::enter(&mut store)?.new_finding(&rule, &message)?,))
    })?;
    report.func_wrap("[method]finding.at", |mut store: Ctx<'_>, (finding, at): (Finding, Span)| {
        State::enter(&mut store)?.finding_at(&finding, at.into())
    })?;
    report.func_wrap("[method]finding.element", |mut store: Ctx<'_>, (finding, name): (Finding, String)| {
        State::enter(&mut store)?.finding_element(&finding, &name)
    })?;
    report.func_wrap("[method]finding.severity", |mut store: Ctx<'_>, (finding, severity): (Finding, Severity)| {
        State::enter(&mut store)?.finding_severity(&finding, severity.into())
    })?;
    report.func_wrap(
        "[method]finding.detail",
        |mut store: Ctx<'_>, (finding, key, value): (Finding, String, String)| {
            State::enter(&mut store)?.finding_detail(&finding, &key, &value)
        },
    )?;
    report.func_wrap("[method]finding.emit", |mut store: Ctx<'_>, (finding,): (Finding,)| {
        State::enter(&mut store)?.emit(&finding)
    })?;
    report.func_wrap("incomplete", |mut store: Ctx<'_>, (reason,): (String,)| {
        State::enter(&mut store)?.incomplete(&reason);
        Ok(())
    })?;
    report.func_wrap("fact", |mut store: Ctx<'_>, (key, json): (String, String)| {
        State::enter(&mut store)?.fact(&key, &json);
        Ok(())
    })?;
    report.func_wrap("tensor", |mut store: Ctx<'_>, (name, dtype, shape, at): (String, String, Vec<u64>, Span)| {
        State::enter(&mut store)?.tensor(&name, &dtype, shape, at.into());
        Ok(())
    })?;
    report.func_wrap("embed", |mut store: Ctx<'_>, (name, at, hint): (String, Span, String)| {
        State::enter(&mut store)?.embed(&name, at.into(), &hint);
        Ok(())
    })?;
    report
        .resource("child", ResourceType::host::<ChildHandle>(), |mut store, rep| store.data_mut().finish_child(rep))?;
    report.func_wrap("[constructor]child", |mut store: Ctx<'_>, (name, hint): (String, String)| {
        let rep = State::enter(&mut store)?.new_child(&name, &hint)?;
        Ok((Resource::<ChildHandle>::new_own(rep),))
    })?;
    report.func_wrap("[method]child.write", |mut store: Ctx<'_>, (child, bytes): (Child, Vec<u8>)| {
        Ok((State::enter(&mut store)?.write_child(child.rep(), &bytes)?,))
    })?;
    report.func_wrap("[method]child.finish", |mut store: Ctx<'_>, (child,): (Child,)| {
        State::enter(&mut store)?.finish_child(child.rep())
    })?;
    report.func_wrap("progress", |mut store: Ctx<'_>, (_done,): (u64,)| {
        State::enter(&mut store)?;
        Ok(())
    })?;
    report.func_wrap("log", |mut store: Ctx<'_>, (message,): (String,)| {
        State::enter(&mut store)?.log(&message);
        Ok(())
    })?;
    Ok(())
}
