# The model image: the serving base image and one release, as one layer. Built in the folder of a release:
# the files of its bundle, and release.json beside them. `mlops image build` makes the like without any engine.
ARG BASE_IMAGE

FROM ${BASE_IMAGE}
ARG MODEL=unknown
ARG VERSION=unknown
ARG DATA_VERSION=unknown
LABEL org.opencontainers.image.title="${MODEL}" \
      org.opencontainers.image.description="The prediction service of ${MODEL}, model version ${VERSION}" \
      org.opencontainers.image.version="${VERSION}" \
      mlops.data-version="${DATA_VERSION}" \
      mlops.model="${MODEL}" \
      mlops.model-version="${VERSION}"
COPY contract.json metadata.json model.onnx release.json /release/current/
