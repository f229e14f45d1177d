"""Every flag of every program, a row each, in groups. Programs take groups or single flags by name.

The kinds: str, int, float, bool, and `strings`, `ints`, `floats` for lists separated by commas. `low` and `high` are
the inclusive bounds of numbers (of each item of a list). The names are the 2018 reference's wherever it had one.
"""

from typing import Any, NamedTuple, Optional

from utility.model.decoders import METHODS


class Flag(NamedTuple):
    """A row of the table."""

    name: str
    kind: str
    default: Any
    help: str
    low: Optional[float] = None
    high: Optional[float] = None
    choices: tuple = ()
    aliases: tuple = ()


GROUPS = {
    "common": (
        Flag("verbosity", "int", 0, "0 keeps TensorFlow's own messages off the terminal, 1 shows its log, 2 all of it.", 0, 2),
    ),
    "places": (
        Flag("data_dir", "str", None, "The folder of the data: photos in the FashionAI layout, or TFRecords."),
        Flag("model_dir", "str", None, "The parent folder of the models (one folder per category), or one model's folder."),
        Flag("output_dir", "str", None, "The folder to write into."),
        Flag("output", "str", None, "The file to write."),
        Flag("json", "str", None, "A JSON file to write the figures into."),
        Flag("seed", "int", 0, "Seeds everything random: the same seed gives the same result.", 0),
        Flag("category", "str", None, "The clothing category, one of the schema's, or `all`."),
        Flag("schema", "str", "fashionai", "What is annotated: the name of a schema in configs/schemas, or a .toml file of your own."),
    ),
    "categories": (
        Flag("model_to_train", "strings", [], "The categories to train, one after the other; `all` is one model for every category; not given: each category of the records."),
        Flag("seq_train", "bool", False, "Train `all` first, then each category of --model_to_train from it."),
        Flag("seq_train_epochs", "float", 5, "Epochs of the `all` model that --seq_train starts with.", 0, 10**9),
    ),
    "codec": (
        Flag("train_image_size", "int", 256, "Height and width of the network's input, in pixels.", 16, 4096),
        Flag("heatmap_size", "int", 64, "Height and width of the heatmaps, in cells; it divides the input size.", 4, 1024),
        Flag("heatmap_sigma", "float", 1.0, "Standard deviation of a target's Gaussian, in cells.", 0.1, 100),
        Flag("heatmap_loss", "str", "mse", "What heatmaps learn: the Gaussian's heights (mse), or the probability of each cell (softmax: cross-entropy).", choices=("mse", "softmax")),
    ),
    "net": (
        Flag("num_stacks", "int", 8, "Number of stacked hourglasses.", 1, 32),
        Flag("num_modules", "int", 1, "Residual modules at each place of an hourglass.", 1, 16),
        Flag("feats_channels", "int", 256, "Channels per hourglass.", 8, 2048, aliases=("feats_channals",)),
        Flag("backbone", "str", "resnet50", "The net under CPN.", choices=("resnet50", "resnet101", "resnet152", "detnet59", "efficientnet_lite0")),
        Flag("detnet_laterals", "str", "paper", "Levels that CPN takes from DetNet: strides 4, 8, 16, 16 (paper) or 8, 16, 16, 16.", choices=("paper", "reference")),
        Flag("head_channels", "int", 256, "Width of CPN's pyramid and RefineNet.", 8, 1024),
        Flag("resnet_stride", "str", "1x1", "The convolution of a ResNet's block that halves the size: 1x1 (the paper, Keras) or 3x3 (PyTorch); imported weights bring theirs.", choices=("1x1", "3x3")),
        Flag("padding", "str", "symmetric", "Where strided convolutions pad: on both sides (PyTorch, Keras Applications) or as TensorFlow does (same); imported weights bring theirs.", choices=("symmetric", "same")),
        Flag("bn_momentum", "float", 0.97, "Decay of the batch-norm moving averages: they settle within about 1 / (1 - bn_momentum) steps.", 0, 0.9999),
        Flag("bn_epsilon", "float", 1e-5, "What batch norm adds to the variance; imported weights bring theirs.", 1e-12, 1),
        Flag("initializer", "str", "he", "What convolution kernels start from: He's normal distribution, or Glorot's uniform one.", choices=("he", "glorot")),
        Flag("data_format", "str", None, "Order of the axes inside the net; not given: channels_first on a GPU, channels_last else.", choices=("channels_first", "channels_last")),
    ),
    "inspection": (
        Flag("net", "str", "cpn", "The net to look at.", choices=("cpn", "hourglass")),
        Flag("num_keypoints", "int", None, "Heatmaps of the net; not given: as many as the category has keypoints.", 1, 10000),
        Flag("height", "int", None, "Height of the input in pixels; not given: the model's, or 256.", 32, 4096),
        Flag("width", "int", None, "Width of the input in pixels; not given: the model's, or 256.", 32, 4096),
    ),
    "training": (
        Flag("train_epochs", "float", 60, "Passes over the training data.", 0, 10**9),
        Flag("category_epochs", "strings", [], "Epochs of single categories, in the place of --train_epochs: skirt:40,dress:60."),
        Flag("category_learning_rates", "strings", [], "Learning rates of single categories, in the place of --learning_rate: skirt:1e-3."),
        Flag("epochs_per_eval", "float", 5, "Epochs from one evaluation and checkpoint to the next.", 0, 10**9),
        Flag("batch_size", "int", 6, "Batch size (photos per training step).", 1, 4096),
        Flag("eval_batch_size", "int", 4, "Batch size of evaluation and prediction.", 1, 4096),
        Flag("optimizer", "str", "momentum", "The optimizer.", choices=("momentum", "rmsprop", "adam", "adamw")),
        Flag("momentum", "float", 0.9, "Momentum of the momentum optimizer.", 0, 1),
        Flag("learning_rate", "float", 2.5e-3, "Learning rate after the warm-up.", 0),
        Flag("end_learning_rate", "float", 1e-6, "The learning rate never falls below this.", 0),
        Flag("warmup_learning_rate", "float", 1e-5, "Learning rate at the first step.", 0),
        Flag("warmup_steps", "int", 100, "Steps from the first learning rate to the full one.", 0, 10**9),
        Flag("schedule", "str", "piecewise", "Learning-rate schedule.", choices=("piecewise", "cosine", "constant")),
        Flag("decay_boundaries", "floats", [10.0, 20.0], "Epochs at which the piecewise rate changes.", 0),
        Flag("lr_decay_factors", "floats", [1.0, 0.5, 0.1], "Factors of the rate between the boundaries.", 0),
        Flag("weight_decay", "float", 1e-5, "Decay of convolution kernels (not of batch norm): L2 in the loss, or with adamw the share of a kernel that a step takes off, times the rate.", 0),
        Flag("clip_gradients", "float", 0.0, "Largest global norm of the gradients; 0 for none.", 0, 10**9),
        Flag("mse_weight", "float", 1.0, "Factor of the whole heatmap loss.", 0),
        Flag("target_scale", "float", 255.0, "Peak value of the target heatmaps in the loss.", 1e-3, 1e6),
        Flag("use_ohkm", "bool", True, "Count only the half of an image's keypoints with the largest error (last stage of CPN)."),
        Flag("moving_average", "float", 0.0, "Decay of a moving average of the weights, used by evaluation; 0 for none.", 0, 0.99999),
        Flag("swa_start_epoch", "float", None, "Average the weights of each epoch's end from this epoch on, recompute batch norm's statistics and take the better model (SWA).", 0, 10**9),
        Flag("early_stopping", "int", 0, "Stop after this many evaluations without a better one; 0 never does.", 0, 10**9),
        Flag("on_nan", "str", "stop", "What to do when the loss is not finite: stop, or go back to the last checkpoint with half the learning rate.", choices=("stop", "rollback")),
        Flag("mixed_precision", "bool", False, "Compute convolutions in 16 bits (float16 on a GPU, bfloat16 on a CPU that has it)."),
        Flag("xla", "bool", False, "Compile the graph with XLA."),
        Flag("val_fraction", "float", None, "The share of a category's photos that become validation records; 0: none, and training keeps the last checkpoint.", 0, 0.9),
        Flag("tf_random_seed", "int", 20180406, "Seeds the initial weights, the shuffling and the augmentation.", 0, 2**63 - 1),
        Flag("max_steps", "int", None, "Stop after this many steps, whatever --train_epochs says.", 1, 10**9),
        Flag("save_summary_steps", "int", 100, "Steps from one TensorBoard summary to the next.", 1, 10**9),
        Flag("save_minutes", "float", 10.0, "Minutes from one checkpoint to the next, between the evaluations.", 0.001),
    ),
    "augmentation": (
        Flag("augment", "bool", True, "Flip, rotate, crop and recolour the training photos at random."),
        Flag("flip_probability", "float", 0.5, "Probability that a training photo is flipped.", 0, 1),
        Flag("rotate_probability", "float", 0.4, "Probability that a training photo is rotated, about the centre of its keypoints.", 0, 1),
        Flag("rotate_degrees", "float", 30.0, "Maximum rotation in degrees (uniform in ±).", 0, 180),
        Flag("crop_probability", "float", 1.0, "Probability that a training photo is cropped to a box around its keypoints.", 0, 1),
        Flag("crop_area", "floats", [0.45, 1.0], "Least and greatest area of that box, as shares of the photo.", 0.01, 1),
        Flag("crop_aspect", "floats", [0.75, 1.33], "Least and greatest width of that box over its height.", 0.1, 10),
        Flag("crop_attempts", "int", 100, "Attempts to sample a crop before falling back to the full photo.", 1, 10000),
        Flag("bbox_border", "float", 25.0, "What the box covers beyond the keypoints on each side, in photo pixels.", 0, 10000),
        Flag("color_probability", "float", 1.0, "Probability that the colours of a training photo are distorted.", 0, 1),
        Flag("brightness", "float", 32.0 / 255.0, "Maximum change of brightness, as a share of the full range (uniform in ±).", 0, 1),
        Flag("saturation", "floats", [0.5, 1.5], "Least and greatest factor of the saturation.", 0, 10),
        Flag("hue", "float", 0.2, "Maximum rotation of the hue, as a share of the circle (uniform in ±).", 0, 0.5),
        Flag("contrast", "floats", [0.5, 1.5], "Least and greatest factor of the contrast.", 0, 10),
        Flag("resize_methods", "strings", ["bilinear"], "Methods of resizing, of which one is drawn for each training photo; bilinear is the fastest.", choices=("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")),
    ),
    "distribution": (
        Flag("distribution", "str", None, "How to share the work; not given: by TF_CONFIG, or over the GPUs where there are several. A batch is split over the devices (parameter servers: each worker takes its own).", choices=("none", "mirrored", "multi_worker", "parameter_server")),
        Flag("num_devices", "int", None, "Devices of this machine to use; not given: every GPU, or one CPU (more CPU devices are virtual ones).", 1, 64),
    ),
    "warm start": (
        Flag("checkpoint_path", "str", None, "A checkpoint (file prefix or folder) to start from, or to evaluate."),
        Flag("checkpoint_model_scope", "str", "", "The scope of the variables in the checkpoint."),
        Flag("model_scope", "str", "", "The scope of the variables in our model that stands for it."),
        Flag("checkpoint_exclude_scopes", "strings", [], "Scopes that are not restored."),
        Flag("ignore_missing_vars", "bool", False, "Start even when the checkpoint lacks variables of the net."),
    ),
    "threads": (
        Flag("num_readers", "int", 4, "Accepted for old scripts; has no effect: the order of the records follows from the seed alone.", 1, 64),
        Flag("num_preprocessing_threads", "int", 4, "Threads of the input pipeline.", 1, 256),
    ),
    "conversion": (
        Flag("splits", "strings", None, "The splits to convert, all train_* or all test_*; not given: every train_*."),
        Flag("skip_bad", "bool", False, "Leave faulty rows out and list them in skipped.txt, instead of failing."),
    ),
    "inference": (
        Flag("flip_on_test", "bool", False, "Average with the outputs of the flipped image."),
        Flag("two_pass", "bool", False, "Predict again on the crop around the first prediction."),
        Flag("crop_margin", "floats", [100.0, 80.0], "What the crop of --two_pass has more than the points on each side, in x and y: pixels of a photo of 512 px, in proportion for others.", 0, 10000),
        Flag("test_scales", "floats", [1.0], "Average over the image at these scales, too.", 0.1, 10),
        Flag("test_rotations", "floats", [0.0], "Average over the image rotated by these degrees, too.", -180, 180),
        Flag("average", "str", "heatmaps", "What to average over several models.", choices=("heatmaps", "points")),
        Flag("precision", "str", "float32", "bfloat16: faster on CPUs with native support, slightly less accurate.", choices=("float32", "bfloat16")),
        Flag("decode", "str", None, "How a heatmap becomes a point; not given: as the model was trained for. median minimises the expected Euclidean error, with --heatmap_loss=softmax.", choices=METHODS),
    ),
    "pictures": (
        Flag("image", "str", None, "A photo, a video, a folder of them, several with commas between, or a .txt that lists them."),
        Flag("box", "str", None, "The garment's box, x0,y0,x1,y1 in pixels, when the photo has more than it."),
    ),
    "export": (
        Flag("format", "str", "saved_model", "What to export.", choices=("saved_model", "tflite", "onnx")),
        Flag("quantize", "str", "none", "Numbers of a tflite file: none (float32), float16, or int8 (calibrated on photos).", choices=("none", "float16", "int8")),
        Flag("photos", "str", None, "Photos to compare the export on (and to calibrate int8), 40 at most: a folder, or a .txt that lists them; not given: drawn ones."),
    ),
    "submissions": (
        Flag("prediction", "str", None, "A submission: a CSV (or .csv.gz) with one row per photo."),
        Flag("ground_truth", "str", None, "The CSV (or .csv.gz) with the true points."),
        Flag("scores_output", "str", None, "A second CSV to write, with the score of each point."),
        Flag("test_csv", "str", None, "The list of the photos that a submission must have, `test.csv`."),
        Flag("worst", "int", 0, "List this many photos of the largest error, worst first.", 0),
        Flag("predictions", "strings", [], "Submissions for the same photos."),
        Flag("weights", "str", None, "tools/ensemble.py: the weight of each submission, with commas between (not given: all the same); tools/import_weights.py: the file of the weights."),
        Flag("median", "bool", False, "Take the median of the coordinates instead of their mean."),
    ),
    "drawing": (
        Flag("num_train", "int", 200, "Photos of each category in train_0.", 0, 1000000),
        Flag("num_test", "int", 40, "Photos of each category in test_0.", 0, 1000000),
        Flag("image_size", "int", 512, "The longest side of a photo, in pixels.", 64, 4096),
        Flag("num_photos", "int", 5, "Photos of each category on a sheet.", 1, 1000),
    ),
    "labelling": (
        Flag("labels", "str", None, "What the labelling tool exported: a file, or labelme's folder."),
        Flag("label_format", "str", None, "The tool; not given: as the file looks.", choices=("cvat", "label_studio", "labelme")),
        Flag("images", "str", None, "The folder of the labelled photos; subfolders count too."),
        Flag("split", "str", "train_0", "The split to make, `train_0`, `train_1`, …"),
    ),
    "serving": (
        Flag("host", "str", "127.0.0.1", "The address to serve at; 127.0.0.1 is this machine only, 0.0.0.0 every network it is in."),
        Flag("port", "int", 8000, "The port to serve at; 0 takes a free one.", 0, 65535),
        Flag("max_upload_mb", "float", 20.0, "The largest upload that is accepted, in MB.", 0.01, 100, aliases=("most_megabytes",)),
    ),
    "benchmark": (
        Flag("benchmark_images", "int", 960, "Images of each turn of a measurement.", 1),
        Flag("benchmark_turns", "int", 5, "Turns of each pipeline, one after the other; the median counts.", 1),
        Flag("peer", "bool", False, "Measure albumentations under PyTorch's DataLoader, too."),
        Flag("peer_python", "str", None, "The Python that has albumentations and PyTorch; not given: this one."),
    ),
    "browsing": (
        Flag("records", "str", None, "A folder of TFRecords to look at."),
        Flag("augmented", "bool", False, "Show what the network sees in training: augmented inputs, points, heatmaps."),
        Flag("thumbnail_size", "int", 256, "The longest side of a photo on the page, in pixels.", 32, 2048),
    ),
}

FLAGS = {flag.name: flag for group in GROUPS.values() for flag in group}
