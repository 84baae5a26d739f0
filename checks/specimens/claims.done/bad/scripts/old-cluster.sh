#!/bin/sh
kind create cluster --name old
