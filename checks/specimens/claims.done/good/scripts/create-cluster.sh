#!/bin/sh
kind create cluster
