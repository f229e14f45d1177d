"""Every flag of every program, a row each, in groups. Programs take groups or single flags by name.

The names are the 2018 reference's wherever it had one. What is declared elsewhere is not said again: the options of
nets and backbones come from their files, and the choices of what is found by listing a folder from there.
"""

from base.options import Option as Flag
from base.options import merged, rows
from net import registry
from preprocessing.input.augmentation_options import AugmentationOptions
from preprocessing.labelling import exports
from preprocessing.labelling.formats import FORMATS
from utility.model.coordinate_settings import CoordinateSettings
from utility.model.description import BOX_MARGIN, TRAIN_IMAGE_SIZE
from utility.model.heatmap_settings import HeatmapSettings
from utility.prediction import engines
from utility.training.settings import TrainingSettings

_NET = Flag("net", "str", "cpn", "The net to look at, or to train.", choices=registry.names())
_HEATMAPS = {row.name: row for row in rows(HeatmapSettings)}

GROUPS = {
    "common": (
        Flag("verbosity", "int", 0, "0 keeps TensorFlow's own messages off the terminal, 1 shows its log, 2 all of it.", 0, 2),
        Flag("cache_dir", "str", None, "Where this machine keeps the files of URLs (s3://, gs://, …); not given: the user's cache folder."),
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
    "codec": (
        TRAIN_IMAGE_SIZE,
        BOX_MARGIN,
        _HEATMAPS["heatmap_size"],
        _HEATMAPS["heatmap_sigma"],
        _HEATMAPS["heatmap_loss"],
    ),
    "coordinates": rows(CoordinateSettings),
    "net": (
        *registry.all_flag_rows().values(),
        Flag("data_format", "str", None, "Order of the axes inside the net; not given: channels_first on a GPU, channels_last else.", choices=("channels_first", "channels_last")),
    ),
    "inspection": (
        _NET,
        Flag("num_keypoints", "int", None, "Keypoints of the net; not given: as many as the category has keypoints.", 1, 10000),
        Flag("height", "int", None, "Height of the input in pixels; not given: the model's, or 256.", 32, 4096),
        Flag("width", "int", None, "Width of the input in pixels; not given: the model's, or 256.", 32, 4096),
    ),
    "training": (*rows(TrainingSettings), _HEATMAPS["target_scale"]),
    "augmentation": (
        Flag("augment", "bool", True, "Flip, rotate, crop and recolour the training photos at random."),
        *rows(AugmentationOptions),
    ),
    "conversion": (
        Flag("splits", "strings", None, "The splits to convert, all train_* or all test_*; not given: every train_*."),
        Flag("skip_bad", "bool", False, "Leave what is faulty out and list it in skipped.txt, instead of failing."),
    ),
    "inference": (
        Flag("flip_on_test", "bool", False, "Average with the outputs of the flipped image."),
        Flag("two_pass", "bool", False, "Predict again on the crop around the first prediction."),
        Flag("crop_margin", "floats", [100.0, 80.0], "What the crop of --two_pass has more than the points on each side, in x and y: pixels of a photo of 512 px, in proportion for others.", 0, 10000),
        Flag("test_scales", "floats", [1.0], "Average over the image at these scales, too.", 0.1, 10),
        Flag("test_rotations", "floats", [0.0], "Average over the image rotated by these degrees, too.", -180, 180),
        Flag("average", "str", "heatmaps", "What to average over several models.", choices=("heatmaps", "points")),
        Flag("precision", "str", "float32", "bfloat16: faster on CPUs with native support, slightly less accurate.", choices=("float32", "bfloat16")),
        _HEATMAPS["decode"],
    ),
    "division": (
        Flag("shard", "str", None, "Do part I of N alone, as I/N, anywhere and in any order; the same command with --merge makes the result of all N."),
        Flag("merge", "bool", False, "Put the parts of --shard together: the same bytes as without parts, for every N."),
        Flag("engine", "str", "local", "What does the work: this process, or Ray (pip install -e '.[cluster]').", choices=engines.NAMES),
        Flag("ray_address", "str", None, "The Ray cluster to work on: `auto` where this machine belongs to one, or host:port; not given: this machine's cores."),
    ),
    "pictures": (
        Flag("image", "str", None, "A photo, a video, a folder of them, several with commas between, or a .txt that lists them."),
        Flag("box", "str", None, "The garment's box, x0,y0,x1,y1 in pixels, when the photo has more than it."),
        Flag("boxes", "str", None, "The boxes of all garments: a CSV `image,category,x0,y0,x1,y1`, a COCO file, or a detector's list of results (behind a comma, the COCO file that its ids are of)."),
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
        Flag("against", "str", None, "Another submission for the same photos: prints the difference, and whether it may be chance."),
        Flag("oks", "bool", False, "Print COCO's average precision by object keypoint similarity, too; needs a schema with sigmas, and pip install -e '.[coco]'."),
        Flag("image_side_error", "bool", False, "Print the mean distance divided by the sides of the photo, too (of the box, where a row has one); needs --data_dir, the folder that the image ids are relative to."),
        Flag("predictions", "strings", [], "Submissions for the same photos."),
        Flag("weights", "str", None, "tools/ensemble.py: the weight of each submission, with commas between (not given: all the same); tools/import_weights.py: the file of the weights."),
        Flag("median", "bool", False, "Take the median of the coordinates instead of their mean."),
    ),
    "drawing": (
        Flag("num_train", "int", 200, "Photos of each category in train_0.", 0, 1000000),
        Flag("num_test", "int", 40, "Photos of each category in test_0.", 0, 1000000),
        Flag("image_size", "int", 512, "The longest side of a photo, in pixels.", 64, 4096),
        Flag("garments", "int", 1, "Garments in each photo; several stand beside each other, and are rows with a box each.", 1, 4),
        Flag("num_photos", "int", 5, "Photos of each category on a sheet.", 1, 1000),
    ),
    "labelling": (
        Flag("labels", "str", None, "The labels: a file, or a folder of them, as the tool exported it or the data set has it."),
        Flag("label_format", "str", None, "The tool or data set; not given: as the labels look.", choices=tuple(sorted({*FORMATS, *exports.FORMATS}))),
        Flag("images", "str", None, "The folder of the labelled photos; subfolders count too."),
        Flag("split", "str", "train_0", "The split to make, `train_0`, `train_1`, …"),
        Flag("partition", "str", None, "The part of a data set to take, of those that it names itself (fld: train, val, test); not given: all."),
    ),
    "exporting": (
        Flag("scores", "str", None, "The scores of the submission's points: the CSV of eval_all.py --scores_output."),
        Flag("photo_url", "str", None, "What stands before an image id in the address of a photo; not given: that of Label Studio's local files."),
        Flag("interface", "str", None, "A second file to write: what the tool must be told to show the labels (label_studio: the labelling interface; cvat: the task's labels)."),
        Flag("link_photos", "bool", False, "Link to photos that are upright JPEGs instead of copying them, where photos are stored."),
        Flag("whole_photos", "bool", False, "Where every garment must have a box (coco, yolo), a row without one gets the whole photo instead of the box around its points."),
    ),
    "suspicion": (
        _NET,
        Flag("folds", "int", 3, "Parts of the data: the photos of each are predicted by models trained on the others.", 2, 100),
        Flag("shown_suspicion", "float", 0.5, "The page shows photos with an annotation that is wrong with this probability or more.", 0, 1),
    ),
    "suggestion": (
        Flag("count", "int", 100, "How many photos to suggest.", 1, 10**7),
    ),
    "serving": (
        Flag("host", "str", "127.0.0.1", "The address to serve at; 127.0.0.1 is this machine only, 0.0.0.0 every network it is in."),
        Flag("port", "int", 8000, "The port to serve at; 0 takes a free one.", 0, 65535),
        Flag("max_upload_mb", "float", 20.0, "The largest upload that is accepted, in MB.", 0.01, 100, aliases=("most_megabytes",)),
    ),
    "cluster": (
        Flag("first_port", "int", None, "The port of a machine's first task; its others have the next ones. Not given: one by the job's number.", 1024, 65000),
        Flag("num_parameter_servers", "int", 0, "The last tasks that are parameter servers; 0: all train in step.", 0, 1000),
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
    ),
}

FLAGS = merged(*GROUPS.values())
