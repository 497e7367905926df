//! What asks for code in a PMML document.

/// Elements whose content no schema defines (PMML 4.4.1, General Structure): vendors put there what they like.
pub const FREE_TEXT: &[&str] = &["Extension", "Header", "Annotation", "Application", "Timestamp"];

/// Kinds of model (PMML 4.4.1, MODEL-ELEMENT).
pub const MODELS: &[&str] = &[
    "AnomalyDetectionModel",
    "AssociationModel",
    "BaselineModel",
    "BayesianNetworkModel",
    "ClusteringModel",
    "GaussianProcessModel",
    "GeneralRegressionModel",
    "MiningModel",
    "NaiveBayesModel",
    "NearestNeighborModel",
    "NeuralNetwork",
    "RegressionModel",
    "RuleSetModel",
    "Scorecard",
    "SequenceModel",
    "SupportVectorMachineModel",
    "TextModel",
    "TimeSeriesModel",
    "TreeModel",
];

/// Elements that engines with extensions run; PMML itself has none of them. Lower case.
pub const CODE_ELEMENTS: &[&str] =
    &["script", "javascript", "python", "exec", "eval", "groovy", "jython", "beanshell", "code", "command"];

/// Packages of which no class is a scoring function, and what gadgets are made of (ysoserial's payloads).
const DANGEROUS_PACKAGES: &[&str] = &[
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
    "groovy.",
    "bsh.",
    "javassist.",
    "org.python.",
    "org.mozilla.",
    "org.codehaus.groovy.",
    "org.apache.commons.collections",
    "org.apache.xalan.",
    "org.springframework.",
];

/// Whether the function is no function of PMML but a Java class (JPMML's FunctionRegistry loads names with full stops), and then whether
/// its package is one that no scoring function is in.
pub fn java_class(function: &str) -> Option<bool> {
    let parts: Vec<&str> = function.split('.').collect();
    let identifier = |part: &&str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'))
    };
    if parts.len() < 2 || !parts.iter().all(identifier) {
        return None;
    }
    Some(DANGEROUS_PACKAGES.iter().any(|package| function.starts_with(package)))
}
