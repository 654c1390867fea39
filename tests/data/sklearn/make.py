"""Trains small models with scikit-learn and writes them as skl2onnx does, each with what ONNX Runtime answers.

    python3 make.py PEERS     PEERS: a folder with onnxruntime.mjs and its node_modules (script/bench installs them)

Needs numpy and scikit-learn 1.2. Each NAME.onnx has NAME.npz beside it: x, and the outputs as ONNX Runtime gives
them for the same model with classes 0, 1, … in place of names and without ZipMap, whose results it returns in forms
of its own. All data are drawn here, with seeds, and nobody else's: models, inputs and answers are under the
licence of the rest of the tree.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn import ensemble, linear_model, neural_network, svm, tree

import onnx_writer as onnx

HERE = Path(__file__).parent
NAMES = ["walking", "upstairs", "sitting", "lying"]


def blobs(classes, features=4, rows=240, seed=1):
    random = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    centres = random.normal(0, 1.6, (classes, features))
    return (centres[y] + random.normal(0, 1, (rows, features))).astype(np.float32), y


def float32_at_most(threshold):
    """The largest float that is not above it: x <= threshold means the same then for every float x."""
    near = np.float32(threshold)
    return near if np.float64(near) <= threshold else np.nextafter(near, np.float32(-np.inf))


class Trees:
    """The attributes of TreeEnsembleClassifier and -Regressor, as skl2onnx's tree_ensemble.py collects them."""

    def __init__(self, prefix):
        self.prefix, self.trees, self.lists = prefix, 0, {}

    def add(self, name, value):
        self.lists.setdefault(name, []).append(value)

    def add_node(self, number, feature, mode, threshold, yes, no, missing, votes):
        self.add("nodes_treeids", self.trees)
        self.add("nodes_nodeids", number)
        self.add("nodes_featureids", int(feature))
        self.add("nodes_modes", mode)
        self.add("nodes_values", float(float32_at_most(threshold)))
        self.add("nodes_truenodeids", int(yes))
        self.add("nodes_falsenodeids", int(no))
        self.add("nodes_missing_value_tracks_true", int(missing))
        self.add("nodes_hitrates", 1.0)
        for target, weight in votes:
            self.add(self.prefix + "_treeids", self.trees)
            self.add(self.prefix + "_nodeids", number)
            self.add(self.prefix + "_ids", target)
            self.add(self.prefix + "_weights", float(weight))

    def add_tree(self, grown, votes):
        """votes(values of a leaf) -> [(target, weight)]"""
        for i in range(grown.node_count):
            if grown.children_left[i] > i:
                self.add_node(i, grown.feature[i], "BRANCH_LEQ", grown.threshold[i], grown.children_left[i],
                              grown.children_right[i], 0, [])
            else:
                self.add_node(i, 0, "LEAF", 0, 0, 0, 0, votes(grown.value[i].ravel()))
        self.trees += 1

    def add_histogram_tree(self, grown, target):
        for i, part in enumerate(grown.nodes):
            if part["is_leaf"]:
                self.add_node(i, 0, "LEAF", 0, 0, 0, 0, [(target, part["value"])])
            else:
                self.add_node(i, part["feature_idx"], "BRANCH_LEQ", part["num_threshold"], part["left"],
                              part["right"], part["missing_go_to_left"], [])
        self.trees += 1


def labels(count, named, ints="classlabels_int64s"):
    return {"classlabels_strings": NAMES[:count]} if named else {ints: list(range(count))}


def classifier(node, named, count, x, **more):
    """A graph that ends in a classifier, and in ZipMap where classes have names."""
    graph = node
    outputs = ["label", "probabilities"]
    if named:
        graph += onnx.node("ZipMap", ["probabilities"], ["zipped"], classlabels_strings=NAMES[:count])
        # seq(map(string, float)) and tensor(string)
        zipped = onnx.data(1, "zipped") + onnx.data(2, onnx.data(4, onnx.data(1, onnx.data(5, onnx.number(
            1, 8) + onnx.data(2, onnx.data(1, onnx.number(1, 1)))))))
        label = onnx.data(1, "label") + onnx.data(2, onnx.data(1, onnx.number(1, 8) + onnx.data(
            2, onnx.data(1, onnx.data(2, "N")))))
        outputs = [label, zipped]
    return onnx.model(graph, [("x", x.dtype, [None, x.shape[1]])], outputs, **more)


def tree_classifier(trees, count, x, **more):
    return lambda named: classifier(
        onnx.node("TreeEnsembleClassifier", ["x"], ["label", "probabilities"], **trees.lists,
                  **labels(count, named), **more), named, count, x)


def forest(kind, classes, **options):
    x, y = blobs(classes)
    fitted = kind(max_depth=5, random_state=1, **options).fit(x, y)
    grown = Trees("class")
    members = getattr(fitted, "estimators_", [fitted])
    for member in members:
        share = lambda counts: counts / counts.sum() / len(members)
        votes = (lambda c: [(0, share(c)[1])]) if classes == 2 else (lambda c: list(enumerate(share(c))))
        grown.add_tree(member.tree_, votes)
    return tree_classifier(grown, classes, x, post_transform="NONE"), x, fitted.predict_proba


def gradient_boosting(classes):
    x, y = blobs(classes, seed=2)
    fitted = ensemble.GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=1).fit(x, y)
    grown = Trees("class")
    for step in fitted.estimators_:
        for target, member in enumerate(step):
            grown.add_tree(member.tree_, lambda v, t=target: [(t, v[0] * fitted.learning_rate)])
    base = fitted._raw_predict_init(np.zeros((1, x.shape[1]))).ravel()
    return tree_classifier(grown, classes, x, base_values=base.astype(np.float32),
                           post_transform="LOGISTIC" if classes == 2 else "SOFTMAX"), x, fitted.predict_proba


def with_gaps(x):
    x = x.copy()
    x[np.random.default_rng(3).random(x.shape) < 0.2] = np.nan
    return x


def histogram_boosting():
    x, y = blobs(2, seed=4)
    x = with_gaps(x)
    fitted = ensemble.HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=8, random_state=1).fit(x, y)
    grown = Trees("class")
    for step in fitted._predictors:
        grown.add_histogram_tree(step[0], 0)
    return tree_classifier(grown, 2, x, base_values=np.float32(fitted._baseline_prediction).ravel(),
                           post_transform="LOGISTIC"), x, fitted.predict_proba


def regressor(node, x, **more):
    return lambda named: onnx.model(node, [("x", x.dtype, [None, x.shape[1]])], ["y"], **more)


def targets(x):
    return np.stack([x[:, 0] * x[:, 1], np.sin(x[:, 2]) + x[:, 3]], 1)


def forest_regressor():
    x, _ = blobs(3, seed=5)
    fitted = ensemble.RandomForestRegressor(n_estimators=6, max_depth=5, random_state=1).fit(x, targets(x))
    grown = Trees("target")
    for member in fitted.estimators_:
        grown.add_tree(member.tree_, lambda v: list(enumerate(v / len(fitted.estimators_))))
    node = onnx.node("TreeEnsembleRegressor", ["x"], ["y"], **grown.lists, n_targets=2, post_transform="NONE")
    return regressor(node, x), x, fitted.predict


def boosted_regressor():
    """All of it in double, by the tensors of opset 3."""
    x, _ = blobs(3, seed=6)
    x = x.astype(np.float64)
    fitted = ensemble.GradientBoostingRegressor(n_estimators=10, max_depth=3, random_state=1).fit(x, targets(x)[:, 0])
    grown = Trees("target")
    for member in fitted.estimators_.ravel():
        grown.add_tree(member.tree_, lambda v: [(0, v[0] * fitted.learning_rate)])
    for name in ("nodes_values", "nodes_hitrates", "target_weights"):
        grown.lists[name + "_as_tensor"] = np.array(grown.lists.pop(name), np.float64)
    base = np.array(fitted._raw_predict_init(np.zeros((1, x.shape[1]))).ravel(), np.float64)
    node = onnx.node("TreeEnsembleRegressor", ["x"], ["y"], **grown.lists, n_targets=1, base_values_as_tensor=base)
    return regressor(node, x, ml=3), x, lambda x: fitted.predict(x).reshape(-1, 1)


def scaled(x):
    mean, deviation = x.mean(0), x.std(0)
    node = onnx.node("Scaler", ["x"], ["scaled"], offset=mean.astype(np.float32),
                     scale=(1 / deviation).astype(np.float32))
    return node, (x - mean) / deviation


def logistic(classes):
    x, y = blobs(classes, seed=7)
    scaler, z = scaled(x)
    fitted = linear_model.LogisticRegression().fit(z, y)
    weights, bias = fitted.coef_, fitted.intercept_
    if classes == 2:
        weights, bias = np.vstack([-weights, weights]), np.hstack([-bias, bias])

    def build(named):
        # Not by SOFTMAX: skl2onnx normalises what LOGISTIC makes of two classes.
        node = onnx.node("LinearClassifier", ["scaled"], ["label", "raw"], coefficients=weights.astype(np.float32),
                         intercepts=bias.astype(np.float32), multi_class=int(classes > 2),
                         post_transform="LOGISTIC" if classes == 2 else "SOFTMAX",
                         **labels(classes, named, "classlabels_ints"))
        norm = onnx.node("Normalizer", ["raw"], ["probabilities"], norm="L1")
        return classifier(scaler + node + norm, named, classes, x)

    return build, x, lambda x: fitted.predict_proba((x - x.mean(0)) / x.std(0))


def linear_regressor():
    x, _ = blobs(3, seed=8)
    fitted = linear_model.LinearRegression().fit(x, targets(x))
    node = onnx.node("LinearRegressor", ["x"], ["y"], coefficients=fitted.coef_.astype(np.float32),
                     intercepts=fitted.intercept_.astype(np.float32), targets=2)
    return regressor(node, x), x, fitted.predict


def network():
    """Its label is chosen from an initialiser of class names, as of all that skl2onnx spells out itself."""
    x, y = blobs(3, seed=13)
    fitted = neural_network.MLPClassifier([8], max_iter=2000, random_state=1).fit(x, y)

    def build(named):
        graph = onnx.initialiser("flat", np.array([-1]))
        graph += onnx.strings("classes", NAMES[:3]) if named else onnx.initialiser("classes", np.arange(3))
        value = "x"
        for i, (weights, bias) in enumerate(zip(fitted.coefs_, fitted.intercepts_)):
            graph += onnx.initialiser(f"w{i}", weights.astype(np.float32))
            graph += onnx.initialiser(f"b{i}", bias.astype(np.float32))
            graph += onnx.node("Gemm", [value, f"w{i}", f"b{i}"], [f"sum{i}"], domain="")
            value = ["hidden", "probabilities"][i]
            graph += onnx.node(["Relu", "Softmax"][i], [f"sum{i}"], [value], domain="")
        graph += onnx.node("ArgMax", ["probabilities"], ["top"], domain="", axis=1)
        graph += onnx.node("ArrayFeatureExtractor", ["classes", "top"], ["chosen"])
        graph += onnx.node("Reshape", ["chosen", "flat"], ["label"], domain="")
        return onnx.model(graph, [("x", x.dtype, [None, x.shape[1]])], ["label", "probabilities"])

    return build, x, fitted.predict_proba


def vector_classifier(classes, kernel, probability):
    x, y = blobs(classes, rows=120, seed=9)
    fitted = svm.SVC(kernel=kernel, probability=probability, coef0=0.5, random_state=1).fit(x, y)
    sign = -1 if classes == 2 else 1
    more = {}
    if probability:
        more = {"prob_a": fitted.probA_.astype(np.float32), "prob_b": fitted.probB_.astype(np.float32)}
    attributes = {"kernel_type": kernel.upper(), "kernel_params": [float(fitted._gamma), 0.5, float(fitted.degree)],
                  "coefficients": (sign * fitted.dual_coef_).astype(np.float32),
                  "support_vectors": fitted.support_vectors_.astype(np.float32), "post_transform": "NONE",
                  "rho": (sign * fitted.intercept_).astype(np.float32),
                  "vectors_per_class": [int(n) for n in fitted.n_support_], **more}
    build = lambda named: classifier(
        onnx.node("SVMClassifier", ["x"], ["label", "probabilities"], **attributes,
                  **labels(classes, named, "classlabels_ints")), named and probability, classes, x)
    return build, x, fitted.predict_proba if probability else None


def vector_regressor():
    x, _ = blobs(3, rows=120, seed=10)
    fitted = svm.SVR(C=10).fit(x, targets(x)[:, 0])
    node = onnx.node("SVMRegressor", ["x"], ["y"], kernel_type="RBF", kernel_params=[float(fitted._gamma), 0.0, 3.0],
                     coefficients=fitted.dual_coef_.astype(np.float32), rho=fitted.intercept_.astype(np.float32),
                     support_vectors=fitted.support_vectors_.astype(np.float32), n_supports=len(fitted.support_))
    return regressor(node, x), x, lambda x: fitted.predict(x).reshape(-1, 1)


def pipeline():
    """Gaps filled and one column of categories one-hot, then scaled, then a forest, as a ColumnTransformer does it."""
    x, y = blobs(3, seed=11)
    x[:, 3] = np.random.default_rng(12).integers(0, 3, len(x))
    x[:, :3] = with_gaps(x[:, :3])
    fill = np.nanmean(x[:, :3], 0).astype(np.float32)
    filled = np.where(np.isnan(x[:, :3]), fill, x[:, :3])
    mean, deviation = filled.mean(0), filled.std(0)
    z = np.hstack([(filled - mean) / deviation, np.eye(3)[x[:, 3].astype(int)]]).astype(np.float32)
    fitted = ensemble.RandomForestClassifier(n_estimators=6, max_depth=5, random_state=1).fit(z, y)
    grown = Trees("class")
    for member in fitted.estimators_:
        grown.add_tree(member.tree_, lambda c: list(enumerate(c / c.sum() / len(fitted.estimators_))))

    def build(named):
        graph = onnx.initialiser("reals", np.array([0, 1, 2])) + onnx.initialiser("category", np.array([3]))
        graph += onnx.node("ArrayFeatureExtractor", ["x", "reals"], ["r"])
        graph += onnx.node("ArrayFeatureExtractor", ["x", "category"], ["c"])
        graph += onnx.node("Imputer", ["r"], ["filled"], imputed_value_floats=fill, replaced_value_float=float("nan"))
        graph += onnx.node("Scaler", ["filled"], ["scaled"], offset=mean.astype(np.float32),
                           scale=(1 / deviation).astype(np.float32))
        graph += onnx.node("Cast", ["c"], ["categories"], domain="", to=7)
        graph += onnx.node("OneHotEncoder", ["categories"], ["hot"], cats_int64s=[0, 1, 2], zeros=1)
        graph += onnx.initialiser("flat", np.array([-1, 3]))
        graph += onnx.node("Reshape", ["hot", "flat"], ["columns"], domain="")
        graph += onnx.node("FeatureVectorizer", ["scaled", "columns"], ["z"], inputdimensions=[3, 3])
        graph += onnx.node("TreeEnsembleClassifier", ["z"], ["label", "probabilities"], **grown.lists,
                           **labels(3, named), post_transform="NONE")
        return classifier(graph, named, 3, x)

    return build, x, lambda _: fitted.predict_proba(z)


MODELS = {
    "decision_tree": lambda: forest(tree.DecisionTreeClassifier, 3),
    "random_forest": lambda: forest(ensemble.RandomForestClassifier, 4, n_estimators=8),
    "random_forest_of_two": lambda: forest(ensemble.RandomForestClassifier, 2, n_estimators=8),
    "gradient_boosting": lambda: gradient_boosting(3),
    "gradient_boosting_of_two": lambda: gradient_boosting(2),
    "histogram_boosting": histogram_boosting,
    "forest_regressor": forest_regressor,
    "boosted_regressor": boosted_regressor,
    "logistic": lambda: logistic(4),
    "logistic_of_two": lambda: logistic(2),
    "linear_regressor": linear_regressor,
    "network": network,
    "svc_rbf": lambda: vector_classifier(3, "rbf", True),
    "svc_poly": lambda: vector_classifier(4, "poly", False),
    "svc_of_two": lambda: vector_classifier(2, "sigmoid", True),
    "svc_margin_of_two": lambda: vector_classifier(2, "linear", False),
    "svr": vector_regressor,
    "pipeline": pipeline,
}


def run(peers, file, x):
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/input_0.npy", x)
        Path(folder, "m.onnx").write_bytes(file)
        subprocess.run(["node", f"{peers}/onnxruntime.mjs", f"{folder}/m.onnx", folder], check=True)
        outputs = sorted(Path(folder).glob("output_*.npy"))
        return [np.load(path) for path in outputs]


def main():
    for name, make in MODELS.items():
        build, x, reference = make()
        if reference is not None:
            expected = reference(x)
        x = x[:24]
        outputs = run(sys.argv[1], build(False), x)
        if reference is not None:
            np.testing.assert_allclose(outputs[-1], expected[:24], atol=2e-4, err_msg=name)
        (HERE / f"{name}.onnx").write_bytes(build(True))
        np.savez(HERE / f"{name}.npz", x=x, **{f"output_{i}": output for i, output in enumerate(outputs)})
        print(f"{name}: {(HERE / f'{name}.onnx').stat().st_size} bytes")


main()
