import argparse

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--opt", default="sgd")
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()
model = torch.nn.Linear(3, 2)
if args.opt == "sgd":
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
elif args.opt == "adam":
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
