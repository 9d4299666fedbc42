#   docker build -t ltx-mock .
#   docker run --rm -p 127.0.0.1:8219:8219 ltx-mock
#
# See docs/install.md.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY schemas schemas
COPY fixtures fixtures
COPY contracts contracts
COPY mockserver mockserver
COPY examples examples
COPY docs docs
RUN python -m venv --without-pip /opt/ltx-mock \
 && python -m pip --python /opt/ltx-mock/bin/python install --no-cache-dir -c constraints.txt '.[redis]'

FROM python:3.13-slim
LABEL org.opencontainers.image.title="ltx-mock" \
      org.opencontainers.image.description="An offline fake of the LTX-2-19b video API" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/OWNER/ltx-mock"
COPY --from=build /opt/ltx-mock /opt/ltx-mock
COPY deploy/healthcheck.py /opt/ltx-mock/healthcheck.py
RUN install -d -o 65534 -g 65534 /data
ENV PATH=/opt/ltx-mock/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    LTX_MOCK_HOST=0.0.0.0
# The configuration file is read here, and a SQLite store may be written here, if a volume is.
WORKDIR /data
USER 65534:65534
EXPOSE 8219
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["python", "/opt/ltx-mock/healthcheck.py"]
ENTRYPOINT ["ltx-mock"]
CMD ["serve"]
