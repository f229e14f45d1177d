# For whoever has no Python from 3.9 to 3.13, or would rather not install anything:
#   docker build -t fashionai-keypoints . && docker run -it -v "$PWD:/project" fashionai-keypoints bash
FROM python:3.13-slim
# The environment that the scripts find active: they make no other.
ENV VIRTUAL_ENV=/usr/local
WORKDIR /project
COPY . .
RUN pip install --no-cache-dir --editable ".[dev,export,demo,pretrained,cluster]"
CMD ["bash", "demos/quickstart.sh"]
