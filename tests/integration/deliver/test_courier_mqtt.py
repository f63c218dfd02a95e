"""The courier against a real mosquitto: nothing lost, whoever stops and whenever."""

import contextlib
import itertools
import json
import logging
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from contract.status import LineStatus
from edge.clock import SystemClock
from edge.config import Mqtt
from edge.deliver.broker import run_embedded_broker
from edge.deliver.cursors import Cursors
from edge.deliver.mqtt import MqttReceiver
from edge.errors import ConfigError, LedgerError, ReceiverError
from edge.ledger.reader import EventReader
from edge.metrics import CourierMetrics
from tests.conftest import ROOT
from tests.integration.deliver.conftest import (
    TOPIC,
    CourierProcess,
    Line,
    Mosquitto,
    Subscriber,
    answers,
    wait_until,
)
from tests.line.published import check
from tests.unit.contract.test_events import BODIES, draft
