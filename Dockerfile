FROM python:3.13-slim
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY schemas schemas
COPY fixtures fixtures
COPY contracts contracts
COPY mockserver mockserver
RUN pip install --no-cache-dir -c constraints.txt '.[redis]'
WORKDIR /
USER nobody
EXPOSE 8219
ENTRYPOINT ["ltx-mock"]
CMD ["serve", "--host", "0.0.0.0"]
