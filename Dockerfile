# For whoever has only a newer Python than 3.11:
#   docker build -t fashionai-keypoints . && docker run -it -v "$PWD:/project" fashionai-keypoints bash
FROM python:3.11-slim
# The environment that the scripts find active: they make no other.
ENV VIRTUAL_ENV=/usr/local
WORKDIR /project
COPY . .
RUN pip install --no-cache-dir --editable ".[dev,export,demo,pretrained]"
CMD ["bash", "demos/quickstart.sh"]
