# The gateway as an image of its own; docs/howto/deploy.md says how it is built and run, compose.yaml runs two of it.
# A bank names its mirror of this image with --build-arg PYTHON=..., its package index with --build-arg PIP_INDEX_URL=...
ARG PYTHON=docker.io/library/python:3.11.15-slim-trixie

FROM ${PYTHON} AS build
ARG PIP_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY gateway gateway
COPY adapters adapters
COPY templates templates
COPY config config
# Only wheels: neither stage has a compiler. Byte code is written now, for nobody can write it later.
RUN pip wheel --no-deps --wheel-dir dist . \
 && python -m venv --without-pip /opt/huiyin \
 && pip --python /opt/huiyin/bin/python install --compile --only-binary :all: --constraint constraints.txt dist/*.whl

FROM ${PYTHON}
# The licence is that of the whole, for aioimaplib is in it: README.md says what handing on the image asks.
LABEL org.opencontainers.image.title="Huiyin" \
      org.opencontainers.image.description="Complaint intake and notification for banks" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="GPL-3.0-only"
# A number, not a name: volumes and secret files of the host are owned by it.
RUN groupadd --gid 10001 huiyin \
 && useradd --uid 10001 --gid huiyin --home-dir /var/lib/huiyin --no-create-home --shell /usr/sbin/nologin huiyin \
 && install --directory --owner=huiyin --group=huiyin --mode=0700 /var/lib/huiyin /var/lib/huiyin/keys
COPY --from=build /opt/huiyin /opt/huiyin
# The port is said here because the health check below asks at it.
ENV PATH=/opt/huiyin/bin:$PATH HUIYIN_WEB__PORT=8080
USER 10001:10001
WORKDIR /var/lib/huiyin
EXPOSE 8080
STOPSIGNAL SIGTERM
# /healthz, for whoever restarts what is unhealthy: a node whose database is away gains nothing by that.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["huiyin"]
CMD ["serve"]
