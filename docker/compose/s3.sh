# SeaweedFS in one process: master, volume server, filer and S3 gateway, which knows one identity.
set -eu
umask 077
cat > /tmp/s3.json <<JSON
{"identities": [{"name": "mlops",
                 "credentials": [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}],
                 "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
exec weed server -dir=/s3 -ip=s3 -ip.bind=0.0.0.0 -filer -s3 -s3.config=/tmp/s3.json
