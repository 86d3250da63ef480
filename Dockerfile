# A server of a recognizer: `vidrec serve`, see docs/serve.md.
#
#   docker build --target cpu --tag vidrec-serve .
#   docker build --target gpu --tag vidrec-serve-gpu .
#
# The network is mounted at /model: a run, or a .keras file.

FROM python:3.12.8-slim-bookworm AS wheel
WORKDIR /source
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY keras_vidrec ./keras_vidrec
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12.8-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    KERAS_HOME=/tmp/keras \
    MPLCONFIGDIR=/tmp/matplotlib
RUN useradd --system --uid 10001 --no-create-home vidrec
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=300s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["vidrec", "serve"]
CMD ["/model", "--host", "0.0.0.0", "--port", "8000"]

FROM base AS gpu
COPY --from=wheel /wheels /wheels
RUN set -- /wheels/*.whl \
    && pip install --no-cache-dir "$1[gpu,serve]"
USER vidrec

FROM base AS cpu
COPY --from=wheel /wheels /wheels
RUN set -- /wheels/*.whl \
    && pip install --no-cache-dir "$1[serve]"
USER vidrec
